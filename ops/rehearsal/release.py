"""A release: the processes of one tree of the project's files, as its Procfile names them."""

from __future__ import annotations

import asyncio
import shlex
import time
from typing import TYPE_CHECKING

from sooner.local.ports import free_port
from sooner.local.procfile import read_procfile
from sooner.local.supervised_process import SupervisedProcess, described

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: A platform gives up a web process that does not listen after this long, and kills what lives this long after SIGTERM.
BOOT_SECONDS = 60.0
END_SECONDS = 30.0
PROCESSES = ("web", "worker", "scheduler")


class DeployError(Exception):
    """A release could not be put to work; the message says what failed."""


class Release:
    """The processes of one release.

    Args:
        name: shown before each line of their output.
        root: the project's files.
        environments: the environment by process type; "release" is the one of the release command.
    """

    def __init__(self, name: str, root: Path, environments: Mapping[str, Mapping[str, str]]) -> None:
        self.port = free_port()
        self.killed: list[str] = []
        self._name = name
        self._environments = environments
        self._commands = {
            process: f"cd {shlex.quote(str(root))} && {command}"
            for process, command in read_procfile(root / "Procfile").items()
        }
        self._running: dict[str, tuple[SupervisedProcess, asyncio.Task[int]]] = {}

    async def prepare(self) -> None:
        """Run the release command. Raises DeployError."""
        if code := await self._process("release").run():
            raise DeployError(f"{self._name}: the release command failed ({described(code)})")

    async def start(self, name: str) -> None:
        """Start a process; a web process listens afterwards. Raises DeployError."""
        process = self._process(name)
        self._running[name] = (process, asyncio.create_task(process.run()))
        if name == "web":
            await self._listening()

    async def end(self, name: str) -> float:
        """SIGTERM to all of a process's group, SIGKILL to what lives 30 s later; the seconds until its end."""
        process, running = self._running.pop(name)
        began = time.monotonic()
        process.ask_to_end()
        done, _ = await asyncio.wait([running], timeout=END_SECONDS)
        if not done:
            self.killed.append(f"{self._name} {name}")
            await process.end(grace=0)
            await running
        return time.monotonic() - began

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*map(self.end, list(self._running)))

    def _process(self, name: str) -> SupervisedProcess:
        environment = {**self._environments[name], "PORT": str(self.port)}
        return SupervisedProcess(f"{self._name} {name}", self._commands[name], environment)

    async def _listening(self) -> None:
        _, running = self._running["web"]
        until = time.monotonic() + BOOT_SECONDS
        while not running.done() and time.monotonic() < until:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
        raise DeployError(f"{self._name}: web does not listen at PORT={self.port}")
