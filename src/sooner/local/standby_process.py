"""A process that starts ahead of its turn; the run says when it loads the team's modules and when it serves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import TYPE_CHECKING, Any

from sooner.local.console import say
from sooner.local.supervised_process import SupervisedProcess, described
from sooner.process.standby import SETTING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The lines shown of the output of a process that ended without an error of its modules.
LAST_LINES = 12


class StandbyProcess(SupervisedProcess):
    """A process in standby, see `sooner.process.standby` for its side. Its output is held back until it serves.

    Args:
        name: what its output is printed under.
        command: a shell command line.
        environment: all of its environment.
        folder: where its socket is made.
    """

    def __init__(self, name: str, command: str, environment: Mapping[str, str], folder: Path) -> None:
        self._path = folder / f"{name}-{uuid.uuid4().hex[:8]}"
        super().__init__(name, command, {**environment, SETTING: str(self._path)})
        self._stands, self._may_load, self._may_serve = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._retired = asyncio.Event()
        self._serves = False
        self._outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._held: list[str] = []
        self._keeper: asyncio.Task[None]
        self._server: asyncio.Server

    async def start(self, *, serving: bool = False) -> asyncio.Task[None]:
        """Starts the process, ahead of its turn or not; the task ends when the process cannot be kept running."""
        if serving:
            self.serve()
        self._server = await asyncio.start_unix_server(self._talk, self._path)
        self._keeper = asyncio.create_task(self._keep())
        return self._keeper

    async def standing(self) -> None:
        """Waits until the process has loaded the engine, or ended."""
        standing = asyncio.create_task(self._stands.wait())
        await asyncio.wait([standing, self._keeper], return_when=asyncio.FIRST_COMPLETED)
        standing.cancel()

    async def load(self) -> str | None:
        """Lets the process load the team's modules; the result is None, or its error. Raises SettingsError."""
        self._may_load.set()
        waited: list[asyncio.Future[Any]] = [self._outcome, self._keeper]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if self._outcome.done():
            return self._outcome.result()
        self._keeper.result()
        return "".join(self._held[-LAST_LINES:]) or f"{self.name} ended before it served"

    def serve(self) -> None:
        """Lets the process serve; from now on it is restarted when it ends, and its output is shown."""
        self._serves = True
        self._may_load.set()
        self._may_serve.set()
        for line in self._held:
            super().show(line)
        self._held.clear()

    def show(self, line: str) -> None:
        """Prints a line of the output, once the process serves."""
        if self._serves:
            super().show(line)
        else:
            self._held.append(line)

    async def retire(self, grace: float) -> None:
        """Ends the process for good, within `grace` seconds, or at once where it has never served."""
        failed = self._outcome.done() and self._outcome.result() is not None
        self.is_wanted = False
        for event in (self._retired, self._may_load, self._may_serve):
            event.set()
        self._keeper.cancel()
        await asyncio.wait([self._keeper])
        await self.end(grace if self._serves and not failed else 0)
        self._server.close()

    async def _keep(self) -> None:
        if not self._serves:
            code = await self.run()
            if not self.is_wanted or not self._serves:
                return
            say(f"{self.name} ended ({described(code)}), starting it again")
        await self.keep_running()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with one process, of which a service may have several; the process ends when the connection closes."""
        self._stands.set()
        with contextlib.suppress(OSError), contextlib.closing(writer):
            if not await self._said(writer, "load", self._may_load):
                return
            answer = await reader.readline()
            if not answer:
                return
            if (error := json.loads(answer)) is None:
                self._note(None)
                await self._said(writer, "serve", self._may_serve)
            elif self._note(error):
                await self._retired.wait()
            else:
                # The process has served before, but its code as it is now cannot be loaded.
                say(error, name=self.name)

    async def _said(self, writer: asyncio.StreamWriter, word: str, turn: asyncio.Event) -> bool:
        await turn.wait()
        if self._retired.is_set():
            return False
        writer.write(json.dumps(word).encode() + b"\n")
        await writer.drain()
        return True

    def _note(self, outcome: str | None) -> bool:
        """Note an outcome; True for the first."""
        if self._outcome.done():
            return False
        self._outcome.set_result(outcome)
        return True
