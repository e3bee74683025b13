"""Redaction: keeping the opened secrets of running jobs out of log lines, errors, results and progress."""

import json
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

#: The mark in place of a secret.
MARK = "•••"


#: A line of a secret is hidden by itself if it has so many characters: fewer are no secret.
SHORTEST_LINE = 8


def forms(secrets: Iterable[str]) -> list[str]:
    """The forms in which secrets may appear: bare, in a repr, in JSON, in HTML, in an address; longest first, as one may hold another."""
    found: set[str] = set()
    for secret in secrets:
        found |= _spellings(secret)
        # A key of several lines is printed, and shown in a group's traceback, line by line.
        lines = [line.strip() for line in secret.splitlines()]
        for line in lines if len(lines) > 1 else ():
            found |= _spellings(line) if len(line) >= SHORTEST_LINE else set()
    return sorted(found - {""}, key=len, reverse=True)


def _spellings(secret: str) -> set[str]:
    shown = {repr(secret)[1:-1], ascii(secret)[1:-1], repr(secret.encode(errors="surrogatepass"))[2:-1]}
    encoded = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], escape(secret)}
    return {
        secret,
        *shown,
        *encoded,
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
    }


def text(value: str, hidden: Iterable[str]) -> str:
    """The text with the hidden forms replaced by the mark."""
    for form in hidden:
        value = value.replace(form, MARK)
    return value


def within(value: Any, hidden: Iterable[str]) -> Any:
    """A JSON value, or a member of a log line, with the hidden forms replaced, in keys too."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {text(str(key), hidden): within(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [within(item, hidden) for item in value]
    if isinstance(value, int | float):
        return value if text(str(value), hidden) == str(value) else MARK
    return text(str(value), hidden)


#: How long, and of how many attempts, secrets stay hidden after the end: each costs every log line a look.
FADING_SECONDS = 60.0
MOST_FADING = 16


class Hidden:
    """The secrets hidden from all log lines of a process: other code than the secret's job may log it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._forms: list[str] = []
        #: The secrets of attempts that have ended, with the time until which they stay hidden.
        self._fading: deque[tuple[float, list[str]]] = deque()

    def add(self, secrets: Iterable[str]) -> None:
        """Hide secrets until `take` was called as often as `add`."""
        with self._lock:
            self._counts.update(secrets)
            self._forms = forms(self._counts)

    def take(self, secrets: Iterable[str]) -> None:
        """Undo one `add` of these secrets."""
        with self._lock:
            self._counts.subtract(secrets)
            self._counts += Counter()
            self._forms = forms(self._counts)

    def fade(self, secrets: list[str]) -> None:
        """The same after a while: a task or a thread that outlives its job may still say them, or fail with them."""
        self._fading.append((time.monotonic() + FADING_SECONDS, secrets))
        self._forget()

    def _forget(self) -> None:
        # Another thread may be quicker.
        with suppress(IndexError):
            while len(self._fading) > MOST_FADING or self._fading[0][0] < time.monotonic():
                self.take(self._fading.popleft()[1])

    def text(self, value: str) -> str:
        """The text without the secrets that are hidden now."""
        if self._fading:
            self._forget()
        return text(value, self._forms)

    def line(self, logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """A structlog processor, the last before the line is rendered."""
        hidden = self._forms
        return (
            {text(str(name), hidden): within(value, hidden) for name, value in event.items()}
            if hidden
            else event
        )


hidden = Hidden()
