"""A job's output on a terminal, as it comes; elsewhere nothing."""

import threading
from types import TracebackType
from typing import Any, Self, TextIO

from sooner.cli.progress_bar import ProgressBar
from sooner.cli.terminal import as_json, plain
from sooner.client import Client, NoAnswer, ProblemError

#: The seconds that the last pieces may take after the job's end.
LAST_SECONDS = 5.0
AGAIN = "(tried again)\n"
DROPPED = "(further output was dropped)\n"


class LiveOutput:
    """Writes the pieces of a job to a terminal, on a thread, from the first one on in place of the progress bar."""

    def __init__(self, client: Client, id: str, bar: ProgressBar, to: TextIO) -> None:
        self._client, self._id, self._bar, self._to = client, id, bar, to
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        self._is_over = False
        self._is_in_line = False
        #: The job's text on the terminal.
        self.text = ""

    def __enter__(self) -> Self:
        if self._to.isatty():
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._thread.is_alive():
            self._thread.join(LAST_SECONDS)
        if self._is_in_line:
            self._show("\n")
        self._is_over = True

    def _write_all(self) -> None:
        try:
            for piece in self._client.output(self._id, on_reset=self._again, on_truncated=self._dropped):
                text = shown(piece)
                self.text += text
                self._show(text)
        except (ProblemError, NoAnswer):
            # The follower meets the same, and says it.
            return
        except Exception:
            # Nobody waits for the thread any more, so its client is closed.
            if not self._is_over:
                raise

    def _again(self) -> None:
        self._show(f"\n{AGAIN}")
        self.text = ""

    def _dropped(self) -> None:
        self._show(f"\n{DROPPED}" if self._is_in_line else DROPPED)

    def _show(self, text: str) -> None:
        if text and not self._is_over:
            self._bar.give_way()
            self._is_in_line = not text.endswith("\n")
            self._to.write(text)
            self._to.flush()


def shown(piece: Any) -> str:
    """A piece as a terminal shows it: a text as it is, without control characters; others a line of JSON each."""
    return plain(piece) if isinstance(piece, str) else f"{as_json(piece)}\n"
