"""Redaction: keeping the opened secrets of running jobs out of log lines, errors, results and progress."""

import json
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, MutableMapping
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus

#: The mark in place of a secret.
MARK = "•••"


#: A line of a secret is hidden by itself if it has so many characters: fewer are no secret.
SHORTEST_LINE = 8


def forms(secret: str) -> set[str]:
    """The forms in which a secret may appear: bare, in a repr, in JSON, in HTML, in an address."""
    found = _spellings(secret)
    # A key of several lines is printed, and shown in a group's traceback, line by line.
    lines = [line.strip() for line in secret.splitlines()]
    for line in lines if len(lines) > 1 else ():
        found |= _spellings(line) if len(line) >= SHORTEST_LINE else set()
    return found - {""}


def _spellings(secret: str) -> set[str]:
    shown = {repr(secret)[1:-1], ascii(secret)[1:-1], repr(secret.encode(errors="surrogatepass"))[2:-1]}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_html = {escape(secret), escape(secret, quote=False)}
    in_address = {quote(secret, safe=safe, errors="replace") for safe in ("", "/")}
    return {secret, *shown, *in_json, *in_html, *in_address, quote_plus(secret, errors="replace")}


def _longest_first(found: Iterable[set[str]]) -> list[str]:
    # A form may hold another.
    return sorted(set[str]().union(*found), key=len, reverse=True)


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


#: How long secrets stay hidden after their attempt, and how many forms of theirs: each costs every log line a look.
FADING_SECONDS = 60.0
MOST_FADING = 1_000


class Hidden:
    """The secrets hidden from all log lines of a process: other code than the secret's job may log it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        #: The secrets of attempts that have ended, with the time until which they stay hidden; the earliest first.
        self._fading: OrderedDict[str, float] = OrderedDict()
        #: The forms of each hidden secret: a key of many lines takes a millisecond.
        self._found: dict[str, set[str]] = {}
        self._forms: list[str] = []

    def add(self, secrets: list[str]) -> list[str]:
        """Hide secrets until a while after `fade` was called as often as `add`; return their forms, the longest first."""
        with self._lock:
            self._counts.update(secrets)
            if new := {secret: forms(secret) for secret in secrets if secret not in self._found}:
                self._found |= new
                self._forms = _longest_first(self._found.values())
            return _longest_first(self._found[secret] for secret in secrets)

    def fade(self, secrets: list[str]) -> None:
        """Undo one `add` of these secrets after a while: a task or a thread that outlives its job may still say them, or fail with them.

        The while is a minute, shorter where the secrets of attempts that ended since have a thousand forms: an API key has
        one to ten, a private key in PEM about a hundred.
        """
        with self._lock:
            for secret in secrets:
                self._fading[secret] = time.monotonic() + FADING_SECONDS
                self._fading.move_to_end(secret)
            self._counts.subtract(secrets)
            excess, gone = sum(len(self._found[secret]) for secret in self._fading) - MOST_FADING, []
            # The attempt's own stay, however many forms they have.
            while excess > 0 and len(self._fading) > len(secrets):
                gone.append(self._fading.popitem(last=False)[0])
                excess -= len(self._found[gone[-1]])
            self._drop(gone)

    def _forget(self) -> None:
        gone, now = [], time.monotonic()
        while self._fading and next(iter(self._fading.values())) < now:
            gone.append(self._fading.popitem(last=False)[0])
        self._drop(gone)

    def _drop(self, secrets: list[str]) -> None:
        unused = {s for s in secrets if self._counts[s] <= 0 and s not in self._fading}
        for secret in unused:
            del self._counts[secret]
            self._found.pop(secret, None)
        if unused:
            self._forms = _longest_first(self._found.values())

    def _now(self) -> list[str]:
        """The forms that are hidden now."""
        # A finalizer may log while its own thread holds the lock; whoever holds it need not be waited for.
        if self._fading and self._lock.acquire(blocking=False):
            try:
                self._forget()
            finally:
                self._lock.release()
        return self._forms

    def text(self, value: str) -> str:
        """The text without the secrets that are hidden now."""
        return text(value, self._now())

    def line(self, logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """A structlog processor, the last before the line is rendered."""
        hidden = self._now()
        return (
            {text(str(name), hidden): within(value, hidden) for name, value in event.items()}
            if hidden
            else event
        )


hidden = Hidden()
