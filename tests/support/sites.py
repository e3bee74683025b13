"""Web servers of strangers, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    Handle = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One request, and ways to answer it."""

    protocol_version = "HTTP/1.1"
    site: Site

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answers; `content_type` is sent as `Content-Type`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.site.seen.append((self.command, self.path, dict(self.headers)))
        self.site.handle(self)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@dataclass
class Site:
    """A running server: its port and what it was asked (method, path, headers)."""

    handle: Handle
    port: int = 0
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address over HTTP, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def site(handle: Handle, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """A server that answers each request by calling `handle` on a thread of its own; with `tls` over HTTPS."""
    running = Site(handle)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Exchange", (Exchange,), {"site": running}))
    server.daemon_threads = True
    running.port = server.server_address[1]
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
