"""A job's progress on one line of a terminal; elsewhere nothing."""

import shutil
import threading
from types import TracebackType
from typing import Any, Self, TextIO

from sooner.cli.terminal import in_a_line

WIDTH = 30


class ProgressBar:
    """Shows a job document on a terminal, and leaves nothing behind."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._is_shown = to.isatty()
        self._turn = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, job: dict[str, Any]) -> None:
        """Show how far the job is."""
        columns = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{line(job)[:columns]}")

    def give_way(self) -> None:
        """Clear the line, and show nothing more: another thread writes now."""
        with self._turn:
            self.clear()
            self._is_shown = False

    def clear(self) -> None:
        """Clear the line."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        with self._turn:
            if self._is_shown:
                self._to.write(text)
                self._to.flush()


def line(job: dict[str, Any]) -> str:
    """A job's progress as a line."""
    progress = job["progress"] or {}
    fraction = progress.get("fraction")
    message = in_a_line(progress.get("message") or "")
    if fraction is None:
        return f"{job['actor']}: {job['state']} {message}".rstrip()
    full = round(WIDTH * fraction)
    return f"{job['actor']}: {'━' * full}{'┄' * (WIDTH - full)} {fraction:4.0%} {message}".rstrip()
