"""A job's output on a terminal, as it comes; elsewhere nothing."""

import json
import threading
from types import TracebackType
from typing import Any, Self, TextIO

from sooner.cli.progress_bar import ProgressBar
from sooner.client import Client, NoAnswer, ProblemError

#: The seconds that the last pieces may take after the job's end.
LAST_SECONDS = 5.0
AGAIN = "(tried again)\n"


class LiveOutput:
    """Writes the pieces of a job to a terminal, on a thread, from the first one on in place of the progress bar."""

    def __init__(self, client: Client, id: str, bar: ProgressBar, to: TextIO) -> None:
        self._client, self._id, self._bar, self._to = client, id, bar, to
        self._thread = threading.Thread(target=self._write_all, name="output", daemon=True)
        #: The text on the terminal.
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
        if self.text and not self.text.endswith("\n"):
            self._to.write("\n")
            self._to.flush()

    def _write_all(self) -> None:
        try:
            for piece in self._client.output(self._id, on_reset=self._again):
                self._write(shown(piece))
        except (ProblemError, NoAnswer):
            # The follower meets the same, and says it.
            return

    def _again(self) -> None:
        self._write(f"\n{AGAIN}")
        self.text = ""

    def _write(self, text: str) -> None:
        self._bar.give_way()
        self.text += text
        self._to.write(text)
        self._to.flush()


def shown(piece: Any) -> str:
    """A piece as a terminal shows it: a text as it is, without control characters; others a line of JSON each."""
    if not isinstance(piece, str):
        return f"{json.dumps(piece, ensure_ascii=False)}\n"
    return "".join(character for character in piece if character.isprintable() or character in "\n\t")
