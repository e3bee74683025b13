"""Answers to requests whose body nobody has read."""

import asyncio
import contextlib

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

#: The server reads a shorter body to its end, so that the connection can be used again.
SHORT = 64 * 1024
LINGER_SECONDS = 5.0


async def answer_early(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer, perhaps before the request's body has arrived.

    A server that closes at once may reset the connection, and the client, still sending, never sees the answer
    (RFC 9112, section 9.6). So the answer goes out whole, the rest of the body is discarded for some seconds, and
    then the connection is closed.
    """
    if scope.get("sooner.read") or not _has_long_body(scope):
        await answer(scope, receive, send)
        return
    answer.headers["Connection"] = "close"

    async def hold(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body"):
            await send({**message, "more_body": True})
            await _discard(receive)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    await answer(scope, receive, hold)


def _has_long_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name in (b"transfer-encoding", b"expect"):
            return True
        if name == b"content-length":
            return not value.isdigit() or int(value) > SHORT
    return False


async def _discard(receive: Receive) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
