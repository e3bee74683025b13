"""Writing output: the attempts of a worker share each statement."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Any
from uuid import UUID

import asyncpg

from sooner.db import (
    Link,
    Queries,
    Unavailable,
    fitting,
    joined,
)
from sooner.db.retry import unforeseen
from sooner.jobs.output.busyness import Busyness
from sooner.process import logs

log = logs.get(__name__)

SQL = Queries("sooner.jobs.output", "sql/output.sql")

#: For the connections that write and read output. Each look-up finds a few rows of one index, in its order: a bitmap would be made, and
#: its rows sorted, for each of them.
PLANS: dict[str, Any] = {"enable_bitmapscan": "off"}

Key = tuple[UUID, int]

#: The most attempts in one statement.
BATCH = 1000
#: The seconds from the beginning of one statement to the next: the first piece after a silence waits for neither.
SOONEST, LATEST = 0.005, 0.05
#: The seconds from the beginning of one statement to the next, as a multiple of those that it takes, until LATEST; the second in a busy
#: process. A statement costs worker and database as much as some forty pieces, and other attempts need both then.
TIMES, MORE_TIMES = 3, 30
#: The parts of a processor from which on a process is busy, and wholly so. 200 jobs of 20 pieces a second use less.
BUSY, FULL = 0.25, 0.35
#: With more unwritten characters than this an actor that yields waits.
MOST_UNWRITTEN = 1 << 18
#: The seconds until the next try while the database is away, or says that the job is not held here.
RETRY_SECONDS = 0.2


def apart(took: float, busy: float) -> float:
    """The seconds from the beginning of a statement that took so many to that of the next; `busy` is 0 to 1."""
    return min(LATEST, max(SOONEST, took * (TIMES + busy * (MORE_TIMES - TIMES))))


class Stream:
    """The output of one attempt, as far as it is not written."""

    __slots__ = (
        "fence",
        "former",
        "is_full",
        "is_lost",
        "job",
        "last",
        "pieces",
        "room",
        "size",
        "then",
        "under_way",
        "waiting",
        "writing",
    )

    def __init__(self, job: UUID, fence: int) -> None:
        self.job, self.fence = job, fence
        #: The fences under which the attempt has written before.
        self.former: list[int] = []
        #: The pieces as JSON texts; an empty text is the mark that pieces were dropped.
        self.pieces: list[str] = []
        self.under_way: list[str] = []
        #: The characters of either.
        self.waiting = self.writing = 0
        #: The number of the last written piece.
        self.last: int | None = None
        self.size = 0
        self.is_full = self.is_lost = False
        self.then: Callable[[], None] | None = None
        self.room: asyncio.Future[None] | None = None

    @property
    def unwritten(self) -> int:
        """The number of characters that are not yet in the table."""
        return self.waiting + (self.writing if self.under_way else 0)

    @property
    def is_crowded(self) -> bool:
        """Whether too much is not yet in the table."""
        return self.unwritten > MOST_UNWRITTEN and not self.is_lost

    @property
    def is_written(self) -> bool:
        """Whether all pieces are in the table, or never will be, and under the attempt's fence."""
        return not self.pieces and not self.under_way and not self.former


class OutputWriter:
    """Writes pieces over one connection of its own: those that gather while a statement runs share the next one.

    A piece is written once and in order, however often its statement is tried: the statement compares the number of the last
    piece. `most_bytes` bounds the output of an attempt.
    """

    def __init__(self, link: Link, *, most_bytes: int) -> None:
        self._link = link
        self._most_bytes = most_bytes
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._streams: dict[Key, Stream] = {}
        self._due: dict[int, Stream] = {}
        self._is_awake = False
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._busyness = Busyness()

    def add(self, key: Key, fence: int, piece: str) -> bool:
        """Take a piece of an attempt, on any thread; False where it is dropped."""
        size = len(piece) if piece.isascii() else len(piece.encode())
        with self._lock:
            stream = self._streams.get(key)
            if stream is None:
                stream = self._streams[key] = Stream(key[0], fence)
            if stream.is_full or stream.is_lost:
                return False
            stream.size += size
            stream.is_full = stream.size > self._most_bytes
            text = "" if stream.is_full else piece
            stream.pieces.append(text)
            stream.waiting += len(text)
            self._wake_for(stream)
        if stream.is_full:
            log.warning("output dropped beyond MAX_OUTPUT_BYTES", job=str(key[0]), bytes=self._most_bytes)
        return not stream.is_full

    def holds(self, key: Key) -> bool:
        """Whether an attempt has put out anything."""
        return key in self._streams

    def moved(self, key: Key, fence: int) -> None:
        """The attempt goes on under a new fence: a crash of the server undid its claim."""
        with self._lock:
            if (stream := self._streams.get(key)) is not None:
                stream.former.append(stream.fence)
                stream.fence = fence
                self._wake_for(stream)

    def end(self, key: Key, then: Callable[[], None]) -> None:
        """Call `then` once every piece of an ended attempt is written."""
        stream = self._streams.pop(key, None)
        if stream is None or stream.is_written:
            then()
        else:
            stream.then = then
            if not stream.under_way:
                # An interrupt may have come between the last piece and the call that wakes the writer.
                self._again(stream)
            self._hurry.set()

    def room(self, key: Key) -> Awaitable[None] | None:
        """What ends once not too much of an attempt is unwritten; None where it is not too much."""
        stream = self._streams.get(key)
        return self._made_room(stream) if stream is not None and stream.is_crowded else None

    async def _made_room(self, stream: Stream) -> None:
        while stream.is_crowded:
            stream.room = stream.room or self._loop.create_future()
            self._hurry.set()
            await asyncio.shield(stream.room)

    def _wake_for(self, stream: Stream) -> None:
        self._due[id(stream)] = stream
        if not self._is_awake:
            self._loop.call_soon_threadsafe(self._begin)
            # Not before: the call may be interrupted, and nobody else would wake the writer.
            self._is_awake = True

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(unforeseen("writing output")(self._write_all))

    async def _write_all(self) -> None:
        while streams := self._next():
            self._hurry.clear()
            began = self._loop.time()
            await self._insist(streams)
            for stream in streams:
                self._written(stream)
            took = self._loop.time() - began
            await self._pause(apart(took, self._busyness.between(BUSY, FULL)) - took)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            timer = self._loop.call_later(seconds, self._hurry.set)
            await self._hurry.wait()
            timer.cancel()

    def _next(self) -> Sequence[Stream]:
        """The streams whose pieces are written next. Where there are none, the next piece wakes the writer."""
        with self._lock:
            due = list(self._due.values())[:BATCH]
            due = due[: fitting(stream.unwritten for stream in due)]
            for stream in due:
                del self._due[id(stream)]
                # What a refused statement was to write is written first, and alone: its answer may have been lost.
                if not stream.under_way:
                    stream.under_way, stream.pieces = stream.pieces, []
                    stream.writing, stream.waiting = stream.waiting, 0
            self._is_awake = bool(due)
            return due

    async def _insist(self, streams: Sequence[Stream]) -> None:
        """Write the pieces that are under way. Faulty pieces harm no other attempt's."""
        while True:
            try:
                await self._write(streams)
                return
            except Unavailable as error:
                log.warning("output not written, trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - the other attempts' output must be written
                if len(streams) > 1:
                    for stream in streams:
                        await self._insist([stream])
                    return
                # Another worker, which has lost the job, was a moment quicker: the next statement sees its pieces.
                if not isinstance(error, asyncpg.UniqueViolationError):
                    self._lose(streams[0], error)
                    return

    async def _write(self, streams: Sequence[Stream]) -> None:
        for stream in streams:
            await self._move(stream)
        writing = [stream for stream in streams if stream.under_way]
        if not writing:
            return
        starts = list(accumulate((len(stream.under_way) for stream in writing), initial=0))
        rows = await self._link.fetch(
            SQL.write,
            job=[stream.job for stream in writing],
            fence=[stream.fence for stream in writing],
            expected=[stream.last for stream in writing],
            start=starts[:-1],
            count=[len(stream.under_way) for stream in writing],
            nth=[nth for nth, stream in enumerate(writing, 1) for _ in stream.under_way],
            pieces=joined([piece for stream in writing for piece in stream.under_way]),
        )
        for row in rows:
            stream = writing[row["nth"] - 1]
            stream.last, stream.under_way = row["last"], []

    async def _move(self, stream: Stream) -> None:
        while stream.former:
            await self._link.fetch(SQL.move, job=stream.job, fence=stream.fence, before=stream.former[0])
            del stream.former[0]

    def _written(self, stream: Stream) -> None:
        if stream.under_way and stream.then is None:
            # The job is not held here, or not yet again after a crash of the server: its attempt is told so elsewhere.
            self._loop.call_later(RETRY_SECONDS, self._again, stream)
            return
        stream.under_way = []
        if stream.room is not None:
            stream.room.set_result(None)
            stream.room = None
        if stream.pieces:
            self._again(stream)
        elif stream.then is not None:
            stream.then()
            stream.then = None

    def _again(self, stream: Stream) -> None:
        with self._lock:
            self._wake_for(stream)

    def _lose(self, stream: Stream, error: Exception) -> None:
        log.error("output lost: the database refuses it", job=str(stream.job), error=str(error))
        stream.is_lost = True
        stream.pieces, stream.under_way, stream.waiting = [], [], 0
