"""The formation: web, worker and scheduler of a run, each of which is replaced when its code changes."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from watchfiles import awatch

from sooner.local.console import say
from sooner.local.environments import is_free
from sooner.local.project import ROOT
from sooner.local.standby_process import StandbyProcess

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

PROCESSES: Final = ("web", "worker", "scheduler")
#: The processes that start ahead of a change. A scheduler may take its time.
AHEAD: Final = ("web", "worker")
GRACE_SECONDS: Final = 6
"""The seconds in which web, worker and scheduler may end; PostgreSQL gets the rest of the ten seconds."""

SOURCES: Final = ROOT / "src"
#: Several web processes share a socket, which uvicorn opens before it loads anything: a stand-in loads the modules ahead.
STAND_IN: Final = "exec python -c 'import src.api'"
#: The seconds that new processes get to answer first, before the next ones start.
NEXT_AFTER_SECONDS: Final = 0.5


class Formation:
    """The processes of one run.

    Args:
        commands: the Procfile's lines, by process type.
        environments: each process type's environment.
        folder: an empty folder, for sockets.
    """

    def __init__(
        self, commands: Mapping[str, str], environments: Mapping[str, Mapping[str, str]], folder: Path
    ) -> None:
        self._commands = commands
        self._environments = environments
        self._folder = folder
        self._port = int(environments["web"]["PORT"])
        # What is no number is web's to refuse.
        processes = environments["web"].get("WEB_CONCURRENCY", "")
        self._is_shared = processes.isdecimal() and int(processes) > 1
        self._current: dict[str, StandbyProcess] = {}
        self._next: dict[str, StandbyProcess] = {}
        self._turn = asyncio.Lock()
        self._alive: set[StandbyProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Starts the first processes."""
        for name in PROCESSES:
            self._current[name] = await self._started(name, self._commands[name], serving=True)

    async def load_error(self) -> str | None:
        """The error with which the first processes fail to load the team's modules; None once they have loaded them."""
        return await _first_error(self._current[name] for name in AHEAD)

    async def failure(self) -> None:
        """Waits until a process cannot be kept running. Raises SettingsError."""
        await self._failed

    async def stop(self) -> None:
        """Ends all processes."""
        self._let_go(list(self._alive))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def prepare(self) -> None:
        """Starts the next processes, and waits until they have loaded the engine."""
        async with self._turn:
            await self._start_next()
        await asyncio.gather(*(each.standing() for each in self._next.values()))

    async def watch(self) -> None:
        """Replaces the processes whenever a file under `src/` changes."""
        try:
            async for changes in awatch(SOURCES, debounce=400, step=30):
                async with self._turn:
                    await self._reload({Path(path) for _, path in changes})
                self._in_background(self._prepare_soon())
        except (OSError, RuntimeError) as error:
            say(f"changes under src/ are no longer seen: {error}")
        await asyncio.get_running_loop().create_future()

    async def _reload(self, changed: set[Path]) -> None:
        began = time.monotonic()
        if any(map(is_early, changed)):
            self._let_go(self._next.values())
            self._next = {}
        await self._start_next()
        ahead, self._next = self._next, {}
        error = await _first_error(ahead.values())
        if error is None:
            await self._replace(ahead, changed)
            say(f"{_named(changed)} changed, loaded in {(time.monotonic() - began) * 1000:.0f} ms")
        else:
            self._let_go(ahead.values())
            say(f"{_named(changed)} changed, and cannot be loaded; what ran before goes on\n{error}")

    async def _start_next(self) -> None:
        for name in AHEAD:
            if name not in self._next:
                command = STAND_IN if name == "web" and self._is_shared else self._commands[name]
                self._next[name] = await self._started(name, command)

    async def _prepare_soon(self) -> None:
        await asyncio.sleep(NEXT_AFTER_SECONDS)
        await self.prepare()

    async def _replace(self, ahead: dict[str, StandbyProcess], changed: set[Path]) -> None:
        former = [self._current[name] for name in ahead]
        self._current["web"].ask_to_end()
        await self._until_port(free=True)
        if self._is_shared:
            self._let_go([ahead["web"]])
            ahead["web"] = await self._started("web", self._commands["web"], serving=True)
        if any(not path.is_relative_to(SOURCES / "actors") for path in changed):
            former.append(self._current["scheduler"])
            ahead["scheduler"] = await self._started("scheduler", self._commands["scheduler"], serving=True)
        for each in ahead.values():
            each.serve()
        self._current |= ahead
        self._let_go(former)
        await self._until_port(free=False)

    async def _started(self, name: str, command: str, *, serving: bool = False) -> StandbyProcess:
        made = StandbyProcess(name, command, self._environments[name], self._folder)
        self._alive.add(made)
        keeper = await made.start(serving=serving)
        keeper.add_done_callback(self._note_failure)
        return made

    def _note_failure(self, keeper: asyncio.Task[None]) -> None:
        error = None if keeper.cancelled() else keeper.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _let_go(self, processes: Iterable[StandbyProcess]) -> None:
        for each in processes:
            self._alive.discard(each)
            self._in_background(each.retire(GRACE_SECONDS))

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_port(self, *, free: bool) -> None:
        """Waits until web has left its port, or listens there, for a bounded time."""
        deadline = time.monotonic() + GRACE_SECONDS
        while is_free(self._port) != free and time.monotonic() < deadline:  # noqa: ASYNC110 - a port tells nobody
            await asyncio.sleep(0.01)


async def _first_error(processes: Iterable[StandbyProcess]) -> str | None:
    outcomes = await asyncio.gather(*(each.load() for each in processes))
    return next((outcome for outcome in outcomes if outcome is not None), None)


def is_early(path: Path) -> bool:
    """Whether a process has loaded a file before the team's modules: an entry point, or the engine in its own checkout."""
    entries = path.parent == SOURCES or path == SOURCES / "actors" / "__init__.py"
    return entries or path.is_relative_to(SOURCES / "sooner")


def _named(changed: set[Path]) -> str:
    first, *others = sorted(str(path.relative_to(ROOT)) for path in changed)
    return f"{first} and {len(others)} more" if others else first
