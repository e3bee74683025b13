"""What code prints becomes log lines: a reader of JSON lines finds nothing else on standard output."""

import io
import logging
import threading

_log = logging.getLogger("print")
#: A line is written at the latest when it is this long.
LONGEST_LINE = 100_000


class Prints(io.TextIOBase):
    """Standard output of a process whose lines are JSON: each printed line is logged, beside the job of who prints it."""

    def __init__(self) -> None:
        super().__init__()
        self._unfinished = threading.local()

    def writable(self) -> bool:
        """It takes text."""
        return True

    def write(self, text: str) -> int:
        """Log the lines that are whole; keep the rest for what this thread prints next."""
        lines = (getattr(self._unfinished, "text", "") + text).split("\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        self._unfinished.text = rest
        for line in lines:
            if line.strip():
                _log.info("%s", line)
        return len(text)
