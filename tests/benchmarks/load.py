"""An HTTP load of its own process: N connections that each send the same request again and again.

Bare sockets and no parsing beyond status and length, so that it takes as little as it can of the processors that
it shares with what it measures.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from urllib.parse import urlsplit

import uvloop


class Connection(asyncio.Protocol):
    """One client: the next request goes out when the answer is whole."""

    def __init__(self, request: bytes, until: float, statuses: Counter[str]) -> None:
        self.request = request
        self.until = until
        self.statuses = statuses
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self.transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        start = head.lower().index(b"content-length:") + 15
        if len(rest) < int(head[start:].split(b"\r\n", 1)[0]):
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        self.statuses[head[9:12].decode()] += 1
        self._buffer = b""
        if now < self.until:
            self._send()
        elif not self.done.done():
            self.transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("closed by the server"))


async def load(
    method: str, url: str, clients: int, seconds: float, headers: list[str], body: str
) -> dict[str, object]:
    """Rate (requests a second), latencies (milliseconds) and the count of each status."""
    parts = urlsplit(url)
    lines = [
        f"{method} {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    request = ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
    loop, statuses = asyncio.get_running_loop(), Counter[str]()
    began = time.perf_counter()
    connections = []
    for _ in range(clients):
        _, connection = await loop.create_connection(
            lambda: Connection(request, began + seconds, statuses),
            parts.hostname or "127.0.0.1",
            parts.port or 80,
        )
        connections.append(connection)
    await asyncio.gather(*(connection.done for connection in connections))
    took = time.perf_counter() - began
    latencies = sorted(latency for connection in connections for latency in connection.latencies)
    return {
        "rate": len(latencies) / took,
        "p50": 1000 * latencies[len(latencies) // 2],
        "p99": 1000 * latencies[len(latencies) * 99 // 100],
        "statuses": dict(statuses),
    }


def main() -> None:
    """Print one load's figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--body", default="{}")
    parser.add_argument("--method", default="POST")
    options = parser.parse_args()
    figures = uvloop.run(
        load(options.method, options.url, options.clients, options.seconds, options.header, options.body)
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
