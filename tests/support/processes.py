"""Web, worker and scheduler as real processes, started by the Procfile's own lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, TypeVar

import httpx
import psutil

from sooner.local.ports import free_port
from sooner.local.procfile import read_procfile
from tests.support import ROOT, roles
from tests.support.environment import environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.bouncer import Bouncer

P = TypeVar("P", bound="Process")

PATIENCE = 30.0
"""Seconds until a wait for something that must happen gives up; no test asserts on it."""

READY_LINE = {"worker": "worker ready", "scheduler": "scheduler ready"}
"""What each process logs once it takes work; web answers `/readyz` instead."""


class EndedError(AssertionError):
    """The process ended while something else was awaited of it."""


class Process:
    """One shell command in a process group of its own, its output kept line by line.

    Args:
        name: for messages.
        command: a shell command line.
        settings: the environment on top of `environment`'s base; None leaves a name out.
        output: the file that gets a copy of standard output and error.
        folder: the working directory.
    """

    def __init__(
        self, name: str, command: str, settings: Mapping[str, str | None], output: Path, folder: Path = ROOT
    ) -> None:
        self.name = name
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._popen = subprocess.Popen(
            ["sh", "-c", command],
            cwd=folder,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(output,), daemon=True, name=f"output of {name}"
        )
        self._reader.start()

    @property
    def output(self) -> str:
        """All it has printed so far."""
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        """The program's own process id, also where the shell stays above it."""
        return self.tree()[0].pid

    def tree(self) -> list[psutil.Process]:
        """The program and its descendants, itself first; without shells; empty once it ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            shell = psutil.Process(self._popen.pid)
            family = [shell, *shell.children(recursive=True)]
            return [process for process in family if process.name() not in {"sh", "dash", "bash"}]
        return []

    def children(self) -> list[int]:
        """The program's descendants' process ids: a worker's forks, a web process's workers."""
        return [process.pid for process in self.tree()[1:]]

    def send(self, signal_number: signal.Signals) -> None:
        """Sends a signal to the program alone, as a person or a container's runtime does."""
        os.kill(self.pid, signal_number)

    def send_group(self, signal_number: signal.Signals) -> None:
        """Sends a signal to the whole process group, as a terminal's Ctrl-C or Heroku does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal_number)

    async def line(self, pattern: str, *, after: int = 0, timeout: float = PATIENCE) -> re.Match[str]:
        """Waits until it has printed a line in which the pattern is found, and returns the match.

        Args:
            pattern: a regular expression, searched in each line.
            after: the number of lines to skip from the start (`len(process.lines)` for: from now on).
            timeout: seconds.

        Raises:
            EndedError: it ended without that line.
            TimeoutError: it printed no such line in time.
        """
        return await asyncio.to_thread(self._await_line, re.compile(pattern), after, timeout)

    async def times(self, pattern: str, count: int) -> None:
        """Waits for so many lines in which the pattern is found. Raises what `line` raises."""
        seen = 0
        for _ in range(count):
            match = await self.line(pattern, after=seen)
            seen = self.lines.index(match.string, seen) + 1

    async def exit(self, timeout: float = PATIENCE) -> int:
        """Waits for its end and returns the exit code (negative: the signal that ended it).

        Raises:
            TimeoutError: it still runs.
        """
        try:
            code = await asyncio.to_thread(self._popen.wait, timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout} s:\n{self.output}") from None
        await asyncio.to_thread(self._reader.join, 1)
        return code

    async def terminate(self, timeout: float = PATIENCE) -> int:
        """SIGTERM to the program, then its exit code."""
        self.send(signal.SIGTERM)
        return await self.exit(timeout)

    async def kill(self) -> None:
        """SIGKILL to the whole group: nothing of it lives on."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """As `kill`, for cleaning up outside an event loop."""
        self.send_group(signal.SIGKILL)
        self._popen.wait()
        # A descendant that left the group may hold the pipe open for ever.
        self._reader.join(1)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def require_running(self) -> None:
        """Raises EndedError with its output if it has ended."""
        code = self._popen.poll()
        if code is not None:
            self._reader.join(1)
            raise EndedError(f"{self.name} ended with {code}:\n{self.output}")

    def _read(self, output: Path) -> None:
        assert self._popen.stdout is not None
        with self._popen.stdout as stream, output.open("w") as file:
            for line in stream:
                file.write(line)
                file.flush()
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _await_line(self, pattern: re.Pattern[str], after: int, timeout: float) -> re.Match[str]:
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self.lines[after:]:
                    if match := pattern.search(line):
                        return match
                after = max(after, len(self.lines))
                if self._ended:
                    raise EndedError(f"{self.name} ended without a line {pattern.pattern!r}:\n{self.output}")
                if not self._news.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{self.name} printed no line {pattern.pattern!r}:\n{self.output}")


class Web(Process):
    """A web process; `url` is its address without a trailing slash."""

    url: str

    async def ready(self, timeout: float = PATIENCE) -> None:
        """Waits until `/readyz` answers 200.

        Raises:
            EndedError: it ended instead.
            TimeoutError: it did not become ready in time.
        """
        answer = "no answer"
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(timeout),
                httpx.AsyncClient(base_url=self.url, trust_env=False) as client,
            ):
                while True:
                    self.require_running()
                    with contextlib.suppress(httpx.TransportError):
                        response = await client.get("/readyz")
                        if response.status_code == httpx.codes.OK:
                            return
                        answer = f"{response.status_code} {response.text}"
                    await asyncio.sleep(0.05)
        raise TimeoutError(f"{self.name} not ready, /readyz: {answer}\n{self.output}")


class Processes:
    """Starts the service's processes for one test and ends them all with it.

    Args:
        settings: every process's environment by process type, on top of which each start may put its own.
        folder: where the outputs are kept.
        root: the project's files that are run.
        under_roles: whether each process connects under its own role (ops/postgres/roles.sql); one that brings a role
            of its own is started with `under_role=False`.
        pooler: what stands between each process and the database, if anything does.
    """

    def __init__(
        self,
        settings: Mapping[str, Mapping[str, str | None]],
        folder: Path,
        *,
        root: Path = ROOT,
        under_roles: bool = True,
        pooler: Bouncer | None = None,
    ) -> None:
        self._pooler = pooler
        self._root = root
        self._under_roles = under_roles
        self.started: list[Process] = []
        self._settings = settings
        self._folder = folder
        self._commands = read_procfile(root / "Procfile")

    def settings(self, name: str) -> dict[str, str | None]:
        """What processes of a type are started with."""
        return self._merged(name, {})

    async def web(
        self,
        *,
        ready: bool = True,
        module: str = "src.api",
        under_role: bool = True,
        **settings: str | None,
    ) -> Web:
        """Starts `web` on a free port (or PORT); with `ready` it waits for `/readyz`.

        `module` holds the application where it is not the service's own.
        """
        port = settings.setdefault("PORT", str(free_port()))
        web = self._start(Web, "web", settings, {"src.api:app": f"{module}:app"}, under_role=under_role)
        web.url = f"http://127.0.0.1:{port}"
        if ready:
            await web.ready()
        return web

    async def worker(
        self,
        *,
        ready: bool = True,
        module: str = "src.actors",
        under_role: bool = True,
        **settings: str | None,
    ) -> Process:
        """Starts `worker`; with `ready` it waits until each of its processes takes work.

        `module` holds the actors where they are not the service's own.
        """
        worker = self._start(Process, "worker", settings, {"src.actors": module}, under_role=under_role)
        if ready:
            await self._ready_lines(worker, int(settings.get("WORKER_PROCESSES") or 1))
        return worker

    async def scheduler(
        self, *, ready: bool = True, under_role: bool = True, **settings: str | None
    ) -> Process:
        """Starts `scheduler`; with `ready` it waits until it is up (leading or standing by)."""
        scheduler = self._start(Process, "scheduler", settings, under_role=under_role)
        if ready:
            await self._ready_lines(scheduler, 1)
        return scheduler

    async def command(self, command: str, **settings: str | None) -> Process:
        """Starts any other shell command with the web process's settings (it has the database's address)."""
        return self._launch(
            Process, command.split(maxsplit=1)[0], command, {**self._settings["web"], **settings}
        )

    def end(self) -> None:
        """Kills whatever still runs, with its whole group."""
        for process in self.started:
            process.end()

    async def _ready_lines(self, process: Process, count: int) -> None:
        await process.times(re.escape(READY_LINE[process.name.partition("-")[0]]), count)

    def _start(
        self,
        kind: type[P],
        name: str,
        settings: Mapping[str, str | None],
        modules: Mapping[str, str] | None = None,
        *,
        under_role: bool,
    ) -> P:
        command = self._commands[name]
        for own, other in (modules or {}).items():
            command = command.replace(own, other)
        return self._launch(kind, name, command, self._merged(name, settings, under_role=under_role))

    def _merged(
        self, name: str, settings: Mapping[str, str | None], *, under_role: bool = True
    ) -> dict[str, str | None]:
        merged = {**self._settings[name], **settings}
        return roles.under(name, merged) if self._under_roles and under_role else merged

    def _launch(self, kind: type[P], name: str, command: str, settings: Mapping[str, str | None]) -> P:
        if self._pooler is not None:
            settings = self._pooler.settings(settings)
        label = f"{name}-{len(self.started) + 1}"
        process = kind(label, command, settings, self._folder / f"{label}.log", self._root)
        self.started.append(process)
        return process
