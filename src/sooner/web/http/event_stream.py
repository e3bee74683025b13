"""Answers that are event streams."""

from typing import Any

from sse_starlette import EventSourceResponse
from starlette.types import Message, Send

#: Proxies close silent connections: the contract promises a comment at least every 15 s.
PING_SECONDS = 10


class EventStream(EventSourceResponse):
    """Server-Sent Events with our line ends and pings. It needs no time limit for each write: the kernel has one (`stalled`)."""

    def __init__(self, events: Any, **options: Any) -> None:
        super().__init__(events, ping=PING_SECONDS, sep="\n", **options)

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        """Send without a scope for a time limit, which would cost as much as making the event."""
        await send(message)
