"""A breaker: nobody waits for a database that is away, and nobody's wait for one holds up who works with another."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from sooner.db.retry import Silent, transient
from sooner.process import logs

log = logs.get(__name__)

#: The seconds between two looks.
PAUSE_SECONDS = 0.5


class Breaker:
    """Looks at a database again and again, for as long as its owner lives. Until its first answer it counts as away.

    While the database is away, who uses it gets `Silent` at once; who waits for it when that is noticed gets it then. `look`
    raises what is wrong with the database. `name` is for the log.
    """

    def __init__(self, name: str, look: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._look = look
        self._drops: list[Callable[[], Awaitable[None]]] = []
        self._uses: set[BreakableUse] = set()
        self._why = ""
        self._looking: asyncio.Task[None] | None = None
        self._is_there = asyncio.Event()
        self._has_looked = asyncio.Event()

    @property
    def is_away(self) -> bool:
        """Whether the database did not answer when it was last looked at."""
        return not self._is_there.is_set()

    async def start(self) -> None:
        """Begin to look; returns after the first look, whatever it found."""
        self._looking = asyncio.create_task(self._look_forever())
        await self._has_looked.wait()

    async def stop(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def there(self) -> None:
        """Wait until the database is there."""
        await self._is_there.wait()

    def drops(self, drop: Callable[[], Awaitable[None]]) -> None:
        """Call this where the database is away: it closes connections, for an answer on them may never come."""
        self._drops.append(drop)

    def use(self) -> "BreakableUse":
        """One use of the database: a `with` around it, in one task."""
        return BreakableUse(self, self._uses)

    def silent(self) -> Silent:
        """The exception by which its users learn that it is away."""
        return Silent(f"the database {self._name} is away: {self._why}")

    async def _look_forever(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody can work with this database
                await self._open(error)
            else:
                self._close()
            self._has_looked.set()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _open(self, error: Exception) -> None:
        why = str(error) or type(error).__name__
        if why != self._why:
            # What does not pass by itself is a mistake in the settings, or in the database.
            note = log.warning if transient(error) else log.error
            note("shard away", shard=self._name, error=why)
        self._why = why
        if not self.is_away:
            self._is_there.clear()
            for drop in self._drops:
                await drop()
            for use in self._uses:
                use.end()

    def _close(self) -> None:
        if self.is_away:
            log.info("shard there", shard=self._name)
            self._why = ""
            self._is_there.set()


class BreakableUse:
    """One use of a database. Raises Silent where it is away, or found to be away before the use has ended."""

    __slots__ = ("_all", "_breaker", "_cancelling", "_is_ended", "_task")

    def __init__(self, breaker: Breaker, all: set["BreakableUse"]) -> None:
        self._breaker = breaker
        self._all = all
        self._is_ended = False

    def __enter__(self) -> Self:
        if self._breaker.is_away:
            raise self._breaker.silent()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a use of a database belongs to a task")
        self._task, self._cancelling = task, task.cancelling()
        self._all.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.discard(self)
        if not self._is_ended:
            return
        # As asyncio.timeout: a cancellation that is somebody else's goes on.
        is_own = self._task.uncancel() <= self._cancelling
        if isinstance(error, Exception) or (is_own and isinstance(error, asyncio.CancelledError)):
            raise self._breaker.silent() from error

    def end(self) -> None:
        """End the use now: its task gets Silent where it waits."""
        self._is_ended = True
        self._task.cancel()
