"""JSON answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

#: A header field as servers take it: its name in lower case.
HeaderField = tuple[bytes, bytes]

NO_STORE = (b"cache-control", b"no-store")


def rendered(body: bytes, status: int, fields: Iterable[HeaderField]) -> Response:
    """An answer whose JSON is rendered already."""
    answer = Response(body, status, media_type="application/json")
    answer.raw_headers += fields
    return answer


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON value that no cache may store."""
    more = [(name.lower().encode(), text.encode("latin-1")) for name, text in (headers or {}).items()]
    return rendered(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, [NO_STORE, *more])


def answer_list(items: Sequence[Any], next: str | None = None) -> Response:
    """One page of a list; `next` is the next page's address (RFC 8288)."""
    headers = {} if next is None else {"Link": f'<{next}>; rel="next"'}
    return answer_json({"items": items, "next": next}, headers=headers)
