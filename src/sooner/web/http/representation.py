"""Bytes with a media type: sent whole, as a range, or not at all to a client that has them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sooner.jobs.problem import RangeNotSatisfiable
from sooner.web.http import ranges
from sooner.web.http.validators import known_tags


@dataclass(frozen=True)
class Representation:
    """`pieces(start, stop)` yields the bytes from `start` up to `stop`; `etag` is a strong entity tag."""

    type: str
    size: int
    etag: str
    pieces: Callable[[int, int], AsyncIterator[bytes]]
    headers: dict[str, str] = field(default_factory=dict)


async def answer(request: Request, shown: Representation) -> Response:
    """200, 206, 304 or, with a problem, 416 (RFC 9110, sections 13 to 15). Raises the exceptions of the first piece."""
    headers = {
        "ETag": shown.etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        **shown.headers,
    }
    if known_tags(request.headers.getlist("if-none-match")) & {shown.etag, "*"}:
        return Response(status_code=304, headers=headers)
    part = _part(request, shown)
    start, stop = part or (0, shown.size)
    if part is not None:
        headers["Content-Range"] = ranges.content_range(start, stop, shown.size)
    # Starlette adds a charset that nobody declared to a `media_type`.
    headers |= {"Content-Type": shown.type, "Content-Length": str(stop - start)}
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = shown.pieces(start, stop)
    # Before the answer begins: a status cannot be taken back.
    first = await anext(pieces, b"")
    return StreamingResponse(_whole(first, pieces), status, headers)


async def _whole(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _part(request: Request, shown: Representation) -> tuple[int, int] | None:
    asked = request.headers.get("range")
    condition = request.headers.get("if-range", shown.etag)
    if asked is None or request.method != "GET" or condition.strip() != shown.etag:
        return None
    try:
        return ranges.read(asked, shown.size)
    except ranges.Unsatisfiable:
        raise RangeNotSatisfiable(shown.size) from None


def attachment(name: str) -> str:
    """The Content-Disposition field for a file to be saved under this name (RFC 6266, RFC 8187)."""
    plain = "".join(c if " " <= c <= "~" and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
