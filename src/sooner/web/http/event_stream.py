"""Answers that are event streams."""

from typing import Any

from sse_starlette import EventSourceResponse
from starlette.responses import Response
from starlette.types import Message, Send

from sooner.web.http.answers import NO_STORE

#: Proxies close silent connections: the contract promises a comment at least every 15 s.
PING_SECONDS = 10
#: A number of more digits is no event's.
LONGEST_NUMBER = 18


class EventStream(EventSourceResponse):
    """Server-Sent Events with our line ends and pings. It needs no time limit for each write: the kernel has one (`stalled`)."""

    def __init__(self, events: Any, **options: Any) -> None:
        super().__init__(events, ping=PING_SECONDS, sep="\n", **options)

    async def _send_with_timeout(self, send: Send, message: Message) -> None:
        """Send without a scope for a time limit, which would cost as much as making the event."""
        await send(message)


def no_more_events() -> Response:
    """A 204, which stops a browser's EventSource from coming back (HTML, section 9.2.3)."""
    return Response(status_code=204, headers=dict([NO_STORE]))


def event_number(text: str) -> int | None:
    """The number that an event has as its id; None for a text that is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None
