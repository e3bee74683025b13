"""The log of one attempt."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple
from uuid import UUID

from sooner.jobs.logging.line import Line


class NumberedLine(NamedTuple):
    """A line of a job's log. Its number rises with each line of the job."""

    job: UUID
    number: int
    attempt: int
    line: Line


class JobLog:
    """Numbers the lines of an attempt and keeps up to `most` of them; a last line says that others were dropped.

    Lines may come from several threads at once.
    """

    __slots__ = ("_attempt", "_counted", "_first", "_job", "_most", "_turn")

    def __init__(self, job: UUID, attempt: int, fence: int, most: int) -> None:
        self._job = job
        self._attempt = attempt
        # A fence is the microsecond of a claim, and a line takes longer: the next attempt's lines have higher numbers.
        self._first = fence
        self._most = most
        self._counted = count()
        #: Lines are passed on in the order of their numbers: a reader asks for what follows the highest that it has.
        #: A finalizer, which may log, runs anywhere in its thread.
        self._turn = threading.RLock()

    def add(self, line: Line, keep: Callable[[NumberedLine], None]) -> None:
        """Number a line and pass it on, unless there are too many."""
        with self._turn:
            place = next(self._counted)
            if place == self._most:
                said = f"further lines are dropped: an attempt keeps {self._most:,} (MAX_LOG_LINES)"
                line = Line(datetime.now(UTC), "warning", "sooner", said)
            if place <= self._most:
                keep(NumberedLine(self._job, self._first + place, self._attempt, line))
