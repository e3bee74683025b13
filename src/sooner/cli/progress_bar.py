"""A job's progress on one line of a terminal; elsewhere nothing."""

import shutil
from types import TracebackType
from typing import Any, Self, TextIO

WIDTH = 30


class ProgressBar:
    """Shows a job document on a terminal, and leaves nothing behind."""

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self._is_shown = to.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def show(self, job: dict[str, Any]) -> None:
        """Show how far the job is."""
        if not self._is_shown:
            return
        columns = shutil.get_terminal_size().columns - 1
        self._to.write(f"\r\x1b[K{line(job)[:columns]}")
        self._to.flush()

    def clear(self) -> None:
        """Clear the line."""
        if self._is_shown:
            self._to.write("\r\x1b[K")
            self._to.flush()


def line(job: dict[str, Any]) -> str:
    """A job's progress as a line."""
    progress = job["progress"] or {}
    fraction = progress.get("fraction")
    message = "".join(character for character in progress.get("message") or "" if character.isprintable())
    if fraction is None:
        return f"{job['actor']}: {job['state']} {message}".rstrip()
    full = round(WIDTH * fraction)
    return f"{job['actor']}: {'━' * full}{'┄' * (WIDTH - full)} {fraction:4.0%} {message}".rstrip()
