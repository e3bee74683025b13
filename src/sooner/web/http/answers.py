"""JSON answers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

from sooner.jobs.following.document import NO_MORE

#: A header field: its name and its value.
HeaderField = tuple[str, str]

NO_STORE = ("Cache-Control", "no-store")


def rendered(body: bytes, status: int, fields: Iterable[HeaderField]) -> Response:
    """An answer whose JSON is rendered already."""
    return Response(body, status, dict(fields), media_type="application/json")


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON value that no cache may store."""
    fields = [NO_STORE, *(headers or {}).items()]
    return rendered(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, fields)


def answer_list(items: Sequence[Any], next: str | None = None, more: Mapping[str, Any] = NO_MORE) -> Response:
    """One page of a list, with `more` members; `next` is the next page's address (RFC 8288)."""
    headers = {} if next is None else {"Link": f'<{next}>; rel="next"'}
    return answer_json({"items": items, "next": next, **more}, headers=headers)
