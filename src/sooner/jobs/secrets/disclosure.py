"""Disclosure: one attempt's secrets, opened for its actor and removed from everything that the attempt writes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from sooner.jobs import codec
from sooner.jobs.secrets import secret
from sooner.jobs.secrets.seal import Opener, Owner
from sooner.process.logs import redact


class Disclosure:
    """Opens the secrets of a claimed job, and hides them from the log until a while after `end`."""

    def __init__(self, sealed: str | None, owner: Owner, opener: Opener) -> None:
        self._sealed = sealed
        self._owner = owner
        self._opener = opener
        self._secrets: list[str] = []
        self._forms: list[str] = []

    def params(self, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parameters with the secrets in clear. Raises NotOpenable."""
        if self._sealed is None:
            return stored
        opened = self._opener.open(self._sealed, self._owner)
        if not self._secrets:
            self._secrets = [text for value in opened.values() for text in _texts(value)]
            self._forms = redact.hidden.add(self._secrets)
        for pointer, value in opened.items():
            stored = secret.put(stored, secret.path(stored, pointer), value)
        return stored

    def clean(self, text: str) -> str:
        """A JSON text without the secrets."""
        forms = self._forms
        return codec.dumps(redact.within(codec.loads(text), forms)) if forms else text

    def clean_word(self, text: str) -> str:
        """A text for people, such as a progress message, without the secrets."""
        return redact.text(text, self._forms)

    def end(self) -> None:
        """The attempt is over: forget the secrets.

        The log hides them for another minute; less where attempts that end later have secrets of 1,000 forms.
        """
        secrets, self._secrets, self._forms = self._secrets, [], []
        if secrets:
            redact.hidden.fade(secrets)


NOTHING = Disclosure(None, Owner(None, UUID(int=0), ""), Opener(()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield json.dumps(value)
