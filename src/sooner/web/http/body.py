"""Request bodies."""

from collections.abc import Awaitable, Collection
from typing import Any

from starlette.requests import Request

from sooner.jobs import codec
from sooner.jobs.problem import (
    BadRequest,
    Invalid,
    TooLarge,
    UnsupportedMediaType,
    wrong,
)


def read_json(request: Request, most: int) -> Awaitable[bytes]:
    """The body of a JSON request. Raises UnsupportedMediaType; and TooLarge, BadRequest when awaited."""
    check_json(request.headers.get("content-type"))
    return read(request, most)


async def read_members(request: Request, most: int, known: Collection[str]) -> dict[str, Any]:
    """The members of a JSON object; an empty body counts as an empty object.

    Raises as `read_json` does, BadRequest for broken JSON, and Invalid for anything but an object of `known` members.
    """
    if request.headers.get("content-type") is None:
        body = await read(request, most)
    else:
        body = await read_json(request, most)
    members = codec.read_object(body) if body.strip() else {}
    unknown = [
        wrong(f"#/{codec.escape(name)}", "there is no such member") for name in members if name not in known
    ]
    if unknown:
        raise Invalid(unknown)
    return members


def keep(request: Request) -> None:
    """Keep the body once it is read, for a request that may be tried again."""
    request.scope.setdefault("sooner.body", None)


async def read(request: Request, most: int) -> bytes:
    """A whole body of at most `most` bytes, never more than that in memory. Raises TooLarge, BadRequest."""
    kept: bytes | None = request.scope.get("sooner.body")
    if kept is not None:
        return kept
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"A body has at most {most} bytes.")
    receive, parts, size, more = request.receive, [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The body did not arrive completely: send the request again.")
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > most:
            raise TooLarge(f"A body has at most {most} bytes.")
        parts.append(part)
    request.scope["sooner.read"] = True
    body = b"".join(parts)
    if "sooner.body" in request.scope:
        request.scope["sooner.body"] = body
    return body


def check_json(content_type: str | None) -> None:
    """Raises UnsupportedMediaType for a type that is no JSON. A missing type is taken for JSON."""
    if content_type is None or content_type == "application/json":
        return
    kind, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"The body has to be application/json, not {kind or 'nothing'}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType("JSON is UTF-8 (RFC 8259, section 8.1).")
