"""Request bodies."""

from starlette.requests import ClientDisconnect, Request

from src.jobs.problem import BadRequest, TooLarge, UnsupportedMediaType


async def read_json(request: Request, most: int) -> bytes:
    """The body of a JSON request. Raises UnsupportedMediaType, TooLarge, BadRequest."""
    check_json(request.headers.get("content-type"))
    return await read(request, most)


async def read(request: Request, most: int) -> bytes:
    """A whole body of at most `most` bytes, never more than that in memory. Raises TooLarge, BadRequest."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge(f"A body has at most {most} bytes.")
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise TooLarge(f"A body has at most {most} bytes.")
            parts.append(part)
    except ClientDisconnect:
        raise BadRequest("The body did not arrive whole.") from None
    return b"".join(parts)


def check_json(content_type: str | None) -> None:
    """Raises UnsupportedMediaType for a type that is no JSON. A missing type is taken for JSON."""
    if content_type is None:
        return
    kind, *parameters = [part.strip().lower() for part in content_type.split(";")]
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UnsupportedMediaType(f"The body has to be application/json, not {kind or 'nothing'}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8", "us-ascii"):
            raise UnsupportedMediaType("JSON is UTF-8 (RFC 8259, section 8.1).")
