"""A request, lighter than Starlette's: handlers look at a dozen header fields, and each has to be found at once."""

from functools import cache
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

#: Where a request's header fields wait in its scope for its handler.
FIELDS = "sooner.fields"


@cache
def raw_name(name: str) -> bytes:
    """A header field's name as servers take and give it. Only our own code names fields, so there are few."""
    return name.lower().encode("latin-1")


class Fields(Headers):
    """Header fields in a dictionary, where Starlette's search them all at each look."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        super().__init__(raw=raw)
        # Of a repeated field the first counts.
        self._first: dict[bytes, bytes] = dict(reversed(raw))
        self._repeats = len(self._first) < len(raw)

    def are_of(self, raw: list[tuple[bytes, bytes]]) -> bool:
        """Whether these were made of this very list."""
        return self._list is raw

    def __getitem__(self, key: str) -> str:
        return self._first[raw_name(key)].decode("latin-1")

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and raw_name(key) in self._first

    def get(self, key: str, default: Any = None) -> Any:
        value = self._first.get(raw_name(key))
        return default if value is None else value.decode("latin-1")

    def getlist(self, key: str) -> list[str]:
        if self._repeats:
            return super().getlist(key)
        value = self._first.get(raw_name(key))
        return [] if value is None else [value.decode("latin-1")]


def fields_of(scope: Scope) -> Fields:
    """The header fields of a request, read once as long as nobody on their way put others in their place."""
    fields: Fields | None = scope.get(FIELDS)
    if fields is None or not fields.are_of(scope["headers"]):
        fields = scope[FIELDS] = Fields(scope["headers"])
    return fields


def scheme(request: Request) -> str:
    """How the client reached us, or the proxy before us, by that one's word: https or http.

    Any client may say so of itself: good for the flag of its own cookie, and for nothing that protects others.
    """
    said = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return said if said in ("http", "https") else request.url.scheme


class LightRequest(Request):
    """Starlette's request with `Fields` as its headers, which are an attribute and nothing to be found out at each look."""

    __slots__ = ("headers",)

    headers: Fields

    def __init__(self, scope: Scope, receive: Receive, send: Send, fields: Fields) -> None:
        super().__init__(scope, receive, send)
        self.headers = fields
