"""Supervised processes: each has its own process group, its output behind its name, and is restarted when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

import psutil

from sooner.local.console import say

if TYPE_CHECKING:
    from collections.abc import Mapping

EX_CONFIG: Final = 78
"""The exit code of a process whose settings are wrong: starting it again cannot help."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
STEADY_SECONDS = 30.0
LONGEST_LINE = 1 << 20


class SettingsError(Exception):
    """A process refused its settings, which it has named."""


class SupervisedProcess:
    """One line of the Procfile, run by a shell.

    Args:
        name: what its output is printed under.
        command: a shell command line.
        environment: all of its environment.
    """

    def __init__(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self.is_wanted = True
        """Whether it is started again when it ends."""
        self._command = command
        self._environment = environment
        self._group: int | None = None
        self._output: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Runs the process once and returns its exit code; the rest of its group is ended with it."""
        reader, writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                "sh",
                "-c",
                self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
            )
        finally:
            os.close(writer)
        self._group = process.pid
        self._output = asyncio.create_task(self._print(reader))
        # With a pipe of asyncio's, wait() would also wait for orphans that hold the pipe.
        code = await process.wait()
        await self.end(grace=1)
        return code

    async def keep_running(self) -> None:
        """Runs the process again and again, with a pause that grows while it keeps ending early.

        Raises:
            SettingsError: it exited with 78.
        """
        pause = FIRST_PAUSE
        while self.is_wanted:
            begun = time.monotonic()
            code = await self.run()
            if not self.is_wanted:
                return
            if code == EX_CONFIG:
                raise SettingsError(f"{self.name} refused its settings")
            if time.monotonic() - begun > STEADY_SECONDS:
                pause = FIRST_PAUSE
            say(f"{self.name} ended ({described(code)}), starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def ask_to_end(self) -> None:
        """SIGTERM to the whole group; it is not started again."""
        self.is_wanted = False
        if self._group is not None:
            signal_group(self._group, signal.SIGTERM)

    async def end(self, grace: float) -> None:
        """Sends SIGTERM to the group, and SIGKILL to the processes left after `grace` seconds."""
        if self._group is None or self._output is None:
            return
        deadline = time.monotonic() + grace
        signal_group(self._group, signal.SIGTERM)
        # A process that is not our child ends without an event to wait for.
        while alive(self._group) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        signal_group(self._group, signal.SIGKILL)
        # The wait is bounded, for a descendant outside the group may hold the pipe open.
        await asyncio.wait([self._output], timeout=1)

    async def _print(self, pipe: int) -> None:
        stream = asyncio.StreamReader(limit=LONGEST_LINE)
        protocol = asyncio.StreamReaderProtocol(stream)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: protocol, os.fdopen(pipe, "rb")
        )
        with contextlib.closing(transport):
            while line := await next_line(stream):
                self.show(line)

    def show(self, line: str) -> None:
        """Prints a line of its output."""
        say(line, name=self.name)


async def next_line(stream: asyncio.StreamReader) -> str:
    """The next line with its end; empty when there are no more."""
    try:
        return (await stream.readline()).decode(errors="replace")
    except ValueError:
        return "(a line too long to show)\n"


def signal_group(group: int, number: signal.Signals) -> None:
    """Sends the signal to a process group, if it still has a process."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def alive(group: int) -> bool:
    """Whether a process of the group still runs.

    Zombies do not count, as they would with `killpg(group, 0)`: a container's first process may never reap them.
    """
    return any(_in_group(process, group) for process in psutil.process_iter())


def _in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def described(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
