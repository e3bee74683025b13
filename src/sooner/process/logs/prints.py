"""What code prints becomes log lines: a reader of JSON lines finds nothing else on standard output and standard error."""

import codecs
import io
import logging
import threading
from collections.abc import Callable
from typing import Any, TextIO

from sooner.process.logs import redact
from sooner.process.logs.line_handler import LineHandler

#: The loggers of what is printed on both streams, with the level of their lines.
LEVELS = {"print": logging.INFO, "stderr": logging.WARNING}
LOGGERS = [logging.getLogger(name) for name in LEVELS]
for _logger in LOGGERS:
    # Where nobody hears them, Python would print what was printed once more.
    _logger.addHandler(logging.NullHandler())
#: A line is written at the latest when it is this long.
LONGEST_LINE = 100_000

#: The thread and the job whose code prints.
Speaker = tuple[int, str | None]

_logging = threading.local()


class Prints(io.TextIOBase):
    """A stream of a process: each line printed there is logged, beside the job of who prints it.

    `job_here` returns the job of the running code. `original` is the stream that it replaces; what is printed goes there
    as well if it `passes_on`, where lines are no JSON. Half a secret would not be found, so an unfinished line waits for
    its end, a carriage return or a `flush`: progress shown without any of them appears late.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"
    line_buffering = True

    def __init__(
        self, name: str, original: TextIO, job_here: Callable[[], str | None], *, passes_on: bool = False
    ) -> None:
        super().__init__()
        self.original = original
        self._logger, self._level = logging.getLogger(name), LEVELS[name]
        self._fd, self.name = (1, "<stdout>") if name == "print" else (2, "<stderr>")
        self._job_here = job_here
        self._passes_on = passes_on
        # Jobs on the loop share its thread.
        self._unfinished: dict[Speaker, str] = {}
        self._held: dict[Speaker, str] = {}
        self._cut: dict[Speaker, bytes] = {}
        #: Takes bytes as well. It is kept, as an object of its kind flushes when it goes.
        self.buffer = PrintedBytes(self)

    def writable(self) -> bool:
        """It takes text."""
        return True

    def isatty(self) -> bool:
        """Whether a person may be reading."""
        return self._passes_on and self.original.isatty()

    def fileno(self) -> int:
        """The process's own stream, for child processes: what they write there is theirs, and no line of the log."""
        return self._fd

    def reconfigure(self, **options: Any) -> None:
        """Nothing depends on the options of a text stream."""

    def write(self, text: str) -> int:
        """Log the lines that are whole; keep the rest for what this job or thread prints next."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        is_by_handler = getattr(_logging, "is_here", False)
        if self._passes_on or (is_by_handler and not _is_logged()):
            self._pass_on(text)
        if not is_by_handler:
            self._hear(text)
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """The same for bytes; keep a character that is cut for what this job or thread prints next."""
        speaker = self._speaker
        data = self._cut.pop(speaker, b"") + data
        text, length = codecs.utf_8_decode(data, self.errors, False)  # noqa: FBT003 - it takes no names
        if rest := data[length:]:
            self._cut[speaker] = rest
        self.write(text)

    def _pass_on(self, text: str) -> None:
        speaker = self._speaker
        text = redact.hidden.text(self._held.pop(speaker, "") + text)
        end = max(text.rfind("\n"), text.rfind("\r")) + 1
        if len(text) - end > LONGEST_LINE:
            end = len(text)
        if rest := text[end:]:
            self._held[speaker] = rest
        self.original.write(text[:end])

    def _hear(self, text: str) -> None:
        speaker = self._speaker
        *lines, rest = (self._unfinished.pop(speaker, "") + text).split("\n")
        rest = _overwritten(rest)
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], ""
        if rest:
            self._unfinished[speaker] = rest
        for line in lines:
            self._log(line)

    def flush(self) -> None:
        """Pass on what was printed."""
        if self._held:
            self.original.write(self._held.pop(self._speaker, ""))
        if self._passes_on:
            self.original.flush()

    @property
    def _speaker(self) -> Speaker:
        return threading.get_ident(), self._job_here()

    def finish(self) -> None:
        """Log the lines that this thread, and the job that runs here on any thread, have not ended."""
        if self._unfinished or self._held or self._cut:
            thread, job = self._speaker
            for speaker in self._speakers():
                if speaker == (thread, job) or (job is not None and speaker[1] == job):
                    self._finish(speaker)

    def finish_all(self) -> None:
        """The process ends: log every line that was not ended."""
        for speaker in self._speakers():
            self._finish(speaker)

    def _speakers(self) -> list[Speaker]:
        return [*dict.fromkeys([*self._unfinished, *self._held, *self._cut])]

    def _finish(self, speaker: Speaker) -> None:
        rest = self._cut.pop(speaker, b"").decode(errors=self.errors)
        if held := self._held.pop(speaker, "") + (rest if self._passes_on else ""):
            self.original.write(held)
        self._log(self._unfinished.pop(speaker, "") + rest)

    def _log(self, line: str) -> None:
        if not line.strip():
            return
        # What a handler of this line prints must not become a line, too.
        _logging.is_here = True
        try:
            self._logger.log(self._level, "%s", _overwritten(line).rstrip("\r"))
        finally:
            _logging.is_here = False


class PrintedBytes(io.BufferedIOBase):
    """Takes the bytes of printed text."""

    def __init__(self, prints: Prints) -> None:
        super().__init__()
        self._prints = prints

    def writable(self) -> bool:
        """It takes bytes."""
        return True

    def write(self, data: Any) -> int:
        """Print the text of some bytes."""
        data = bytes(data)
        self._prints.write_bytes(data)
        return len(data)

    def flush(self) -> None:
        """As the text's."""
        self._prints.flush()


def _is_logged() -> bool:
    """Whether the log lines of the process are ours to write; a module may have put its own handler in the place of ours."""
    return any(isinstance(handler, LineHandler) for handler in logging.getLogger().handlers)


def _overwritten(line: str) -> str:
    """What a terminal shows of a line after carriage returns, as a progress bar prints them."""
    shown = line.rstrip("\r")
    return shown.rpartition("\r")[2] + line[len(shown) :]
