"""A running child program."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from sooner.process.child.bounds import Bounds

LAUNCH = str(Path(__file__).with_name("launch.py"))

#: The bytes kept of standard error: its end says why a program failed.
ERROR_BYTES = 8 * 1024


class OutputTooLarge(Exception):
    """The child wrote more than its bounds allow."""


class Child:
    """A program in a process group of its own, which ends with the `async with` that started it. See `start`."""

    def __init__(self, process: asyncio.subprocess.Process, bounds: Bounds) -> None:
        self._process = process
        self._bounds = bounds
        self._errors = bytearray()
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    @asynccontextmanager
    async def start(
        cls, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, bounds: Bounds
    ) -> AsyncIterator[Self]:
        """Start a program. The end of the block kills it and every process that it started.

        Its environment is `env` alone. It is killed when this process is killed.
        """
        process = await asyncio.create_subprocess_exec(
            *launched(command, bounds),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
            limit=max(bounds.output_bytes, 1),
        )
        child = cls(process, bounds)
        try:
            yield child
        finally:
            await child.kill()

    @property
    def errors(self) -> str:
        """The end of the program's standard error, complete after `wait`."""
        return self._errors.decode(errors="replace")

    async def lines(self) -> AsyncIterator[bytes]:
        """The program's standard output, line by line. Raises OutputTooLarge."""
        stream, left = self._process.stdout, self._bounds.output_bytes
        while stream is not None:
            try:
                line = await stream.readline()
            except ValueError:
                raise OutputTooLarge from None
            left -= len(line)
            if left < 0:
                raise OutputTooLarge
            if not line:
                return
            yield line

    async def wait(self) -> int:
        """The program's exit code, or the negative number of the signal that ended it."""
        code = await self._process.wait()
        await self._listening
        return code

    async def kill(self) -> None:
        """Kill the program and every process that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # The process ends for asyncio when its pipes do, and a pipe full of what nobody reads does not.
        draining = asyncio.create_task(_drain(self._process.stdout))
        try:
            await self._process.wait()
        finally:
            draining.cancel()
            self._listening.cancel()

    async def _listen(self) -> None:
        stream = self._process.stderr
        while stream is not None and (piece := await stream.read(ERROR_BYTES)):
            self._errors += piece
            del self._errors[:-ERROR_BYTES]


async def _drain(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(ERROR_BYTES):
        pass


def launched(command: Sequence[str], bounds: Bounds) -> list[str]:
    """The command that runs another command within bounds."""
    numbers = (os.getpid(), bounds.memory_bytes, bounds.cpu_seconds, bounds.file_bytes)
    return [sys.executable, "-I", "-S", LAUNCH, *map(str, numbers), *command]


async def run(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, bounds: Bounds
) -> tuple[int, bytes, str]:
    """Run a program to its end: exit code, standard output, the end of standard error. Raises OutputTooLarge."""
    async with Child.start(command, env=env, cwd=cwd, bounds=bounds) as child:
        output = b"".join([line async for line in child.lines()])
        return await child.wait(), output, child.errors
