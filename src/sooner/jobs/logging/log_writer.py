"""Writing the logs of all jobs of a worker process, in shared batches."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context

from sooner.db import Link, Queries, Unavailable, fitting, transposed
from sooner.jobs.logging.job_log import NumberedLine
from sooner.jobs.logging.line import Line
from sooner.process import logs

log = logs.get(__name__)

SQL = Queries("sooner.jobs.logging", "sql/log_lines.sql")

#: The seconds in which lines gather for one statement.
GATHER_SECONDS = 0.02
#: The pause after a statement that the database did not take.
AWAY_SECONDS = 1.0
BATCH = 1000
#: While the database is away so many lines wait; further lines are dropped.
MOST_WAITING = 100_000


class LogWriter:
    """Writes lines soon after they are said. Without lines it does nothing.

    `add` may be called on any thread, everything else on the loop.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._loop = asyncio.get_running_loop()
        #: No job's, so that what the writer logs is no job's either.
        self._context = Context()
        self._waiting: deque[NumberedLine] = deque()
        self._is_awake = False
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def add(self, line: NumberedLine) -> None:
        """Write a line within a moment."""
        if len(self._waiting) >= MOST_WAITING:
            return
        self._waiting.append(line)
        if not self._is_awake and not self._loop.is_closed():
            try:
                self._is_awake = True
                self._loop.call_soon_threadsafe(self._wake, context=self._context)
            except BaseException:
                # The actor was interrupted here: whoever adds the next line wakes the writer.
                self._is_awake = False
                raise

    def _wake(self) -> None:
        if self._writing is None:
            self._writing = self._loop.create_task(self._write_soon(), context=self._context)

    async def _write_soon(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(GATHER_SECONDS)
                # Set before the lines are taken: who adds one later wakes the writer again.
                self._is_awake = False
                try:
                    await self.flush()
                except Unavailable as error:
                    log.warning("log lines not written, trying again", error=str(error))
                    await asyncio.sleep(AWAY_SECONDS)
        finally:
            # An ending may have written all lines before this task looked: nobody has said yet that it sleeps again.
            self._is_awake, self._writing = False, None
            if self._waiting:
                self._wake()

    async def flush(self) -> None:
        """Write the lines that wait now. Raises Unavailable, and keeps them, when the database is away."""
        if not self._waiting and not self._turn.locked():
            return
        async with self._turn:
            # Jobs that go on say others meanwhile.
            left = len(self._waiting)
            while left > 0 and self._waiting:
                lines = self._taken()
                await self._write(lines)
                left -= len(lines)

    def _taken(self) -> list[NumberedLine]:
        lines = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        fit = fitting(_length(each.line) for each in lines)
        self._waiting.extendleft(reversed(lines[fit:]))
        return lines[:fit]

    async def _write(self, lines: Sequence[NumberedLine]) -> None:
        columns = transposed(("job", "number", "attempt"), [each[:3] for each in lines])
        said = transposed(Line._fields, [each.line for each in lines])
        try:
            await self._link.fetch(SQL.keep, **columns, **said)
        except Exception as error:
            self._put_back(lines, error)
            if isinstance(error, Unavailable):
                raise

    def _put_back(self, lines: Sequence[NumberedLine], error: Exception) -> None:
        if isinstance(error, Unavailable):
            self._waiting.extendleft(reversed(lines))
        else:
            log.warning("log lines not kept", error=str(error), lines=len(lines))


def _length(line: Line) -> int:
    return len(line.message) + len(line.fields or "")
