"""HTTP/1.1 as uvicorn speaks it, in fewer steps: `uvicorn --http sooner.web.http.exchange:Protocol`."""

import asyncio
import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import httptools
from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from sooner.web.http.answers import Field
from sooner.web.http.cork import Corked
from sooner.web.http.head import NONE_YET, Head
from sooner.web.http.request import FIELDS, Fields

#: Answers that have no body whatever was asked (RFC 9110, section 6.4.1).
BODILESS = frozenset({204, 304})

#: Longer targets, in bytes, are not kept in memory for the next request.
LONGEST_REMEMBERED = 200

FAILURE = b"Internal Server Error"
FAILED = (
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(FAILURE)),
    (b"connection", b"close"),
)

_log = logging.getLogger("uvicorn.error")


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol on a corked transport, with a lighter exchange where a request asks for nothing unusual.

    What is unusual (other versions, upgrades, 100-continue, pipelines, limits) is left to uvicorn whole.
    """

    cycle: Any
    #: The last message's head. None since something came that was not one whole message: the parser may stand anywhere.
    _known: Head | None = NONE_YET
    _idle_since: float | None = None
    _idling: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        super().connection_made(Corked(transport, self.loop))
        self._has_limits = self.limit_concurrency is not None or bool(self.root_path)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        # An exchange under way knows us; without this both would stay until a collection finds their circle.
        self.cycle = None
        if self._idling is not None:
            self._idling.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        known = self._known
        if known is not None and (body := known.body(data)) is not None and self.cycle.response_complete:
            self._idle_since = None
            exchange = Exchange(self, known.scope(self.app_state), keep_alive=True)
            exchange.complete(body)
            self._begin(exchange)
            return
        before = self.cycle
        super().data_received(data)
        if known is not None:
            self._known = None if self.cycle is before else self._learn(data)

    def _learn(self, data: bytes) -> Head | None:
        """The head of the message that `data` began with; None where there is more, or less, or anything unusual."""
        exchange = self.cycle
        if type(exchange) is not Exchange or exchange.more_body or not exchange.keep_alive:
            return None
        return Head.of(data, exchange.body, exchange.scope)

    def on_headers_complete(self) -> None:
        """A request's head is whole."""
        parser, busy = self.parser, self.cycle is not None and not self.cycle.response_complete
        if busy or self._has_limits or self.expect_100_continue or parser.should_upgrade():
            super().on_headers_complete()
            return
        url = self.url
        path, raw_path, query = _known_address(url) if len(url) <= LONGEST_REMEMBERED else _address(url)
        if "%" in path or parser.get_http_version() != "1.1":
            super().on_headers_complete()
            return
        scope: Any = self.scope
        scope["method"] = parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"], scope["query_string"] = path, raw_path, query
        scope[FIELDS] = Fields(scope["headers"])
        self._begin(Exchange(self, scope, keep_alive=parser.should_keep_alive()))

    def _begin(self, exchange: "Exchange") -> None:
        self.cycle = exchange
        exchange.task = task = self.loop.create_task(exchange.run(self.app))
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        """An answer is whole: the next request's turn, or nobody's."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self._idling is None:
            self._idling = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _unset_keepalive_if_required(self) -> None:
        """Something came."""
        self._idle_since = None

    def _close_if_idle(self) -> None:
        # One timer a connection, which looks again when it was early: one a request cost more than all of its parsing.
        idle = 0.0 if self._idle_since is None else self.loop.time() - self._idle_since
        if idle < self.timeout_keep_alive:
            self._idling = self.loop.call_later(self.timeout_keep_alive - idle, self._close_if_idle)
        else:
            self.transport.close()


class Exchange:
    """One request and its answer (the ASGI specification, "HTTP & WebSocket ASGI Message Format").

    What uvicorn's protocol sees of its own kind of exchange is here under the same names.
    """

    __slots__ = (
        "_chunked",
        "_event",
        "_left",
        "_news",
        "_protocol",
        "_started",
        "body",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "scope",
        "task",
    )

    #: What it is answered by, set by whoever begins that.
    task: "asyncio.Task[None]"

    def __init__(self, protocol: Protocol, scope: Any, *, keep_alive: bool) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.body = b""
        self.more_body = True
        self.disconnected = False
        self.response_complete = False
        self._protocol = protocol
        #: What came since the application last asked, and what it waits by where nothing did.
        self._news = False
        self._event: asyncio.Event | None = None
        self._started = False
        self._chunked = False
        #: Bytes of the answer's body that are still to come.
        self._left = 0

    @property
    def message_event(self) -> "Exchange":
        """What the protocol sets when something came."""
        return self

    def complete(self, body: bytes) -> None:
        """All of the body is here."""
        self.body, self.more_body = body, False
        self._news = True

    def set(self) -> None:
        """Something came: more of the body, its end, or the end of the connection."""
        self._news = True
        if self._event is not None:
            self._event.set()

    async def run(self, app: ASGIApp) -> None:
        """Have the application answer."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException:  # noqa: BLE001 - whatever it was, the client is not left waiting
            _log.exception("Exception in ASGI application")
            self._fail()
        else:
            if not self.response_complete and not self.disconnected:
                _log.error("ASGI callable returned without completing response.")
                self._fail()
        finally:
            self._protocol.tasks.discard(self.task)

    def _fail(self) -> None:
        """Close: after a 500 where nothing was sent yet."""
        if not self._started and not self.disconnected:
            self._begin(500, FAILED)
            self._protocol.transport.write(FAILURE)
        self._protocol.transport.close()

    async def receive(self) -> Message:
        """The next message for the application."""
        if not self._news and not self.disconnected and not self.response_complete:
            self._protocol.flow.resume_reading()
            self._event = self._event or asyncio.Event()
            await self._event.wait()
            self._event.clear()
        self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Write a message of the application. Raises RuntimeError for one that does not fit what it sent before."""
        flow = self._protocol.flow
        if flow.write_paused and not self.disconnected:
            await flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start" and not self._started:
            self._begin(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body" and self._started and not self.response_complete:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"Unexpected ASGI message {message['type']!r}.")

    def _begin(self, status: int, headers: Any) -> None:
        fields = [*self._protocol.server_state.default_headers, *headers]
        said = dict(fields)
        length, connection = said.get(b"content-length"), said.get(b"connection")
        if self.scope["method"] == "HEAD" or status in BODILESS:
            length = b"0"
        elif length is None:
            self._chunked = True
            fields.append((b"transfer-encoding", b"chunked"))
        if connection is not None and b"close" in connection.lower():
            self.keep_alive = False
        elif not self.keep_alive:
            fields.append((b"connection", b"close"))
        head = _head(status, fields)
        self._started, self._left = True, int(length or 0)
        self._protocol.transport.write(head)

    def _go_on(self, body: bytes, *, more: bool) -> None:
        transport = self._protocol.transport
        if self._chunked:
            if body:
                transport.write(b"%x\r\n%b\r\n" % (len(body), body))
            if not more:
                transport.write(b"0\r\n\r\n")
        elif body and self.scope["method"] != "HEAD":
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("Response content longer than Content-Length")
            transport.write(body)
        if not more:
            self._end()

    def _end(self) -> None:
        if self._left:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.set()
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()


def _address(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, path in bytes and query of a request's target."""
    parsed = httptools.parse_url(url)
    return parsed.path.decode("ascii"), parsed.path, parsed.query or b""


#: Most targets are asked for again and again.
_known_address = lru_cache(maxsize=1024)(_address)


def _head(status: int, fields: Sequence[Field]) -> bytes:
    """An answer's head. Raises RuntimeError for a field that would be read as another's beginning."""
    lines = b"\r\n".join(map(b": ".join, fields))
    if len(lines) - len(lines.translate(None, b"\r\n\0")) > 2 * len(fields) - 2:
        raise RuntimeError("a header field with a line of its own")
    return STATUS_LINE[status] + lines + b"\r\n\r\n"
