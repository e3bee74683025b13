"""Answers that are JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

#: A header field as servers take it: its name in lower case.
Field = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")


class Json(Response):
    """JSON that is rendered already. Made in fewer steps than Starlette's, for what is answered most."""

    def __init__(self, body: bytes, status: int, fields: Sequence[Field]) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [*fields, (b"content-length", b"%d" % len(body)), JSON]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON value that nobody keeps a copy of."""
    more = [(name.lower().encode(), text.encode("latin-1")) for name, text in (headers or {}).items()]
    return Json(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, [NO_STORE, *more])


def answer_list(items: Sequence[Any], next: str | None = None) -> Response:
    """One page of a list; `next` is the address of the one after it (RFC 8288)."""
    headers = {} if next is None else {"Link": f'<{next}>; rel="next"'}
    return answer_json({"items": items, "next": next}, headers=headers)
