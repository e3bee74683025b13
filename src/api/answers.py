"""Answers that are JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response


def answer_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON value that nobody keeps a copy of."""
    more = {"Cache-Control": "no-store", **(headers or {})}
    return Response(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, more, media_type="application/json")


def answer_list(items: Sequence[Any], next: str | None = None) -> Response:
    """One page of a list; `next` is the address of the one after it (RFC 8288)."""
    headers = {} if next is None else {"Link": f'<{next}>; rel="next"'}
    return answer_json({"items": items, "next": next}, headers=headers)
