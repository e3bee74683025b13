"""What code prints becomes log lines: a reader of JSON lines finds nothing else on standard output."""

import io
import logging
import threading
from collections.abc import Callable
from typing import TextIO

logger = logging.getLogger("print")
#: A line is written at the latest when it is this long.
LONGEST_LINE = 100_000

#: The thread and the job whose code prints.
Speaker = tuple[int, str | None]


class Prints(io.TextIOBase):
    """Standard output of a process: each printed line is logged, beside the job of who prints it.

    `job_here` returns the job of the running code. `through` gets what is printed as it is, where lines are no JSON.
    """

    def __init__(self, job_here: Callable[[], str | None], through: TextIO | None = None) -> None:
        super().__init__()
        self._job_here = job_here
        self._through = through
        # Jobs on the loop share its thread.
        self._unfinished: dict[Speaker, str] = {}

    def writable(self) -> bool:
        """It takes text."""
        return True

    def isatty(self) -> bool:
        """Whether a person may be reading."""
        return self._through is not None and self._through.isatty()

    def write(self, text: str) -> int:
        """Log the lines that are whole; keep the rest for what this job or thread prints next."""
        if self._through is not None:
            self._through.write(text)
        speaker = self._speaker
        *lines, rest = (self._unfinished.pop(speaker, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        if rest:
            self._unfinished[speaker] = rest
        for line in lines:
            self._log(line)
        return len(text)

    def flush(self) -> None:
        """Pass on what was printed."""
        if self._through is not None:
            self._through.flush()

    @property
    def _speaker(self) -> Speaker:
        return threading.get_ident(), self._job_here()

    def finish(self) -> None:
        """Log the line that this job or thread has not ended."""
        if self._unfinished:
            self._log(self._unfinished.pop(self._speaker, ""))

    @staticmethod
    def _log(line: str) -> None:
        if line.strip():
            logger.info("%s", line)
