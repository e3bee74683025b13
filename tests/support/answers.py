"""A bare application whose answers are right and wrong in every way: what a server makes of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as the path says."""
    if scope["type"] != "http":
        await _live(receive, send)
        return
    how = scope["path"].strip("/")
    logging.getLogger("uvicorn.error").info("asked for %s", how)
    if how in BROKEN:
        raise RuntimeError("as asked for")
    if how == "silent":
        return
    body = b"" if how == "deaf" else await _read(receive)
    line = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {scope['http_version']} "
    told = line.encode() + b"".join(b"%b=%b " % field for field in scope["headers"]) + body
    for message in ANSWERS.get(how, _plain)(told):
        await send(message)
    if how in AFTERWARDS:
        await AFTERWARDS[how](receive, send)


async def _fail(receive: Receive, send: Send) -> None:
    raise RuntimeError("as asked for")


async def _listen(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _go_on(receive: Receive, send: Send) -> None:
    """Until nobody takes it any more."""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                await send(_body(b"x" * 100_000, more=True))


async def _live(receive: Receive, send: Send) -> None:
    for done in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{done}.complete"})


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
        await asyncio.sleep(0)
    return body


def _start(status: int, *headers: tuple[bytes, bytes]) -> Message:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def _body(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _length(body: bytes, off: int = 0) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % (len(body) + off))


def _plain(told: bytes) -> list[Message]:
    return [_start(200, _length(told), (b"x-told", b"yes")), _body(told)]


BROKEN = {"broken"}
AFTERWARDS = {"late-error": _fail, "listening": _listen, "endless": _go_on}
ANSWERS: dict[str, Callable[[bytes], list[Message]]] = {
    "chunked": lambda told: [_start(200), _body(told, more=True), _body(b"", more=True), _body(b"more")],
    "closing": lambda told: [_start(200, _length(told), (b"connection", b"close")), _body(told)],
    "endless": lambda _: [_start(200)],
    "nothing": lambda _: [_start(204), _body(b"")],
    "unchanged": lambda _: [_start(304, (b"etag", b'"1"')), _body(b"")],
    "long": lambda told: [_start(200, _length(told, -3)), _body(told)],
    "short": lambda told: [_start(200, _length(told, 3)), _body(told)],
    "two-lines": lambda told: [_start(200, _length(told), (b"x-told", b"a\r\nset-cookie: b")), _body(told)],
    "nul": lambda told: [_start(200, _length(told), (b"x-told", b"a\0b")), _body(told)],
    "twice": lambda told: [*_plain(told), *_plain(told)],
    "headless": lambda told: [_body(told)],
    "torn": lambda told: [_start(200, _length(told)), _body(told[:3], more=True), _start(200)],
    "pieces": lambda told: [_start(200, _length(told * 3)), *[_body(told, more=n < 2) for n in range(3)]],
    "huge": lambda _: [_start(200, _length(b"x" * 3_000_000)), _body(b"x" * 3_000_000)],
}
