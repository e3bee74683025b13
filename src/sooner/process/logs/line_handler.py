"""The handler that writes the log lines of a process."""

import logging
from typing import Any

from sooner.process.logs.shown import as_texts


class LineHandler(logging.StreamHandler[Any]):
    """Writes a line for each record, whatever was logged. Python's own would write its report and the bare arguments beside the lines."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; values that cannot be written as they are come as texts."""
        try:
            return super().format(record)
        except Exception:  # noqa: BLE001 - the code of the logged values may raise anything
            return super().format(as_texts(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing: the stream that would take it has just failed."""
