"""A record of each request and of each attempt: there are many a second, so a turn of the event loop writes its own together."""

import asyncio
import atexit
import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TextIO

from sooner.process.logs import redact

NAMES = {level: name.lower() for name, level in logging.getLevelNamesMapping().items()}


class Records:
    """Gathers records and writes them, each in a line of JSON or as a sentence for people.

    `logging` would take twenty times as long for each, and a worker ends 20,000 attempts a second.
    """

    def __init__(self) -> None:
        self._gathered: list[tuple[int, str]] = []
        self._process = ""
        self._stream: TextIO = sys.stderr
        self._level = logging.CRITICAL
        #: Whether records are written as JSON.
        self.is_json = True

    def configure(self, process: str, stream: TextIO, *, format: str, level: str) -> None:
        """Say how and where records are written from now on; before this, none is."""
        self._process, self._stream, self.is_json = process, stream, format == "json"
        self._level = logging.getLevelNamesMapping()[level.upper()]

    def takes(self, level: int) -> bool:
        """Whether a record of this level is written."""
        return level >= self._level

    def add(self, level: int, record: str) -> None:
        """Write a record, the members of a JSON object or a sentence, at the end of this turn of the loop; at once where no loop runs."""
        self._gathered.append((level, redact.hidden.text(record)))
        if len(self._gathered) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        """Write the gathered records, all with the present time."""
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        now, texts = datetime.now(UTC), (self._json if self.is_json else self._sentences)
        self._stream.write(texts(gathered, now))
        self._stream.flush()

    def _json(self, gathered: list[tuple[int, str]], now: datetime) -> str:
        head, when = f'{{"process":"{self._process}",', now.replace(tzinfo=None).isoformat()
        tails = {
            level: f',"level":"{NAMES[level]}","logger":"sooner.{self._process}","timestamp":"{when}Z"}}\n'
            for level in {level for level, _ in gathered}
        }
        return "".join([f"{head}{members}{tails[level]}" for level, members in gathered])

    @staticmethod
    def _sentences(gathered: list[tuple[int, str]], now: datetime) -> str:
        when = now.strftime("%H:%M:%S")
        marks = [("" if level <= logging.INFO else f"{NAMES[level]}: ") for level, _ in gathered]
        return "".join(
            [f"{when} {mark}{sentence}\n" for mark, (_, sentence) in zip(marks, gathered, strict=True)]
        )


@lru_cache(4096)
def quoted(text: str | None) -> str:
    """A text as JSON; null for None. Remembered: actors, routes and tenants come again and again."""
    return "null" if text is None else encode_basestring(text)


records = Records()
atexit.register(records.flush)
