"""Answers that are JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from src.api.request import raw_name


class Json(Response):
    """JSON that is rendered already. Made in fewer steps than Starlette's, for what is answered most."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [(raw_name(name), value.encode("latin-1")) for name, value in headers.items()]
        self.raw_headers.append((b"content-length", b"%d" % len(body)))
        self.raw_headers.append((b"content-type", b"application/json"))


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON value that nobody keeps a copy of."""
    more = {"Cache-Control": "no-store", **(headers or {})}
    return Json(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, more)


def answer_list(items: Sequence[Any], next: str | None = None) -> Response:
    """One page of a list; `next` is the address of the one after it (RFC 8288)."""
    headers = {} if next is None else {"Link": f'<{next}>; rel="next"'}
    return answer_json({"items": items, "next": next}, headers=headers)
