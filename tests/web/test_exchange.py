"""Our exchange does whatever uvicorn's own does, seen from the other end of the wire."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
from random import Random
from typing import TYPE_CHECKING

import pytest

from sooner.local.ports import free_port
from tests.support.unread import unread

if TYPE_CHECKING:
    from tests.support.processes import Process, Processes

OURS, STOCK = "sooner.web.http.exchange:Protocol", "httptools"
CLOSE = b"Connection: close\r\n"


def request(
    path: str, *, method: str = "POST", more: bytes = CLOSE, body: bytes = b"", version: str = "1.1"
) -> bytes:
    """One request's bytes."""
    length = b"" if b"chunked" in more.lower() else b"Content-Length: %d\r\n" % len(body)
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n".encode() + more + length + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
#: Answers after which the connection is closed.
ENDS = (
    *("closing", "broken", "silent", "long", "short", "twice"),
    *("headless", "torn", "late-error", "listening"),
)
#: What is sent, in pieces.
SCRIPTS: dict[str, list[bytes]] = {
    "plain": [request("/plain?a=b&c=%20", body=b"hello")],
    "without a body": [request("/plain", method="GET")],
    "head": [request("/plain", method="HEAD")],
    "head of what is chunked": [request("/chunked", method="HEAD")],
    "byte by byte": [bytes([byte]) for byte in request("/plain", body=b"hello")],
    "head, then body": [request("/plain", body=b"hello")[:-5], b"hel", b"lo"],
    "chunked request": [request("/plain", more=CLOSE + CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n")],
    "chunked request in pieces": [
        request("/plain", more=CLOSE + CHUNKED),
        b"5\r\nhel",
        b"lo\r\n",
        b"0\r\n\r\n",
    ],
    "large body": [request("/plain", body=b"x" * 500_000)],
    "large answer": [request("/huge")],
    "two, one after another": [request("/plain", more=b"", body=b"one"), request("/chunked", body=b"two")],
    "pipelined": [
        request("/plain", more=b"", body=b"one") + request("/chunked", more=b"") + request("/plain")
    ],
    "upgrade": [request("/plain", more=CLOSE + b"Upgrade: websocket\r\n", method="GET")],
    "real upgrade": [
        request("/closing", more=b"Connection: Upgrade\r\nUpgrade: websocket\r\n", method="GET"),
    ],
    "old version": [request("/plain", more=b"", version="1.0", body=b"hello")],
    "old version, kept alive": [request("/plain", more=b"Connection: keep-alive\r\n", version="1.0")],
    "escaped path": [request("/pl%61in", body=b"hello")],
    "escaped broken path": [request("/pl%FFain", body=b"hello")],
    "whole address": [request("http://x/plain", body=b"hello")],
    "expecting": [request("/plain", more=CLOSE + b"Expect: 100-continue\r\n", body=b"hello")],
    "no HTTP": [b"hello\r\n\r\n"],
    "bad header": [b"POST / HTTP/1.1\r\nHost: x\r\nno header\r\n\r\n"],
    "bad length": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"],
    "two lengths": [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"],
    "length and chunks": [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello"
    ],
    "bad address": [b"POST /\x7f HTTP/1.1\r\nHost: x\r\n\r\n"],
    **{
        how: [request(f"/{how}", more=b"", body=b"hello"), request("/plain")]
        for how in ("chunked", "nothing", "unchanged", "pieces", "deaf")
    },
    **{how: [request(f"/{how}", body=b"hello")] for how in ENDS},
}


@pytest.fixture
async def servers(processes: Processes) -> dict[str, tuple[int, Process]]:
    """Two servers of the same application: port and process, by protocol."""
    started = {}
    for protocol in (OURS, STOCK):
        port = free_port()
        process = await processes.command(
            f"uvicorn tests.support.answers:app --port {port} --http {protocol} --ws none --loop uvloop"
            " --no-proxy-headers --no-access-log --timeout-keep-alive 2"
        )
        started[protocol] = (port, process)
    for _, process in started.values():
        await process.line("Uvicorn running")
    return started


async def talk(port: int, pieces: list[bytes]) -> bytes:
    """All that a server says until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    transport_socket = writer.get_extra_info("socket")
    transport_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    said = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while more := await reader.read(1 << 16):
            said += more
    except ConnectionResetError:
        pass
    finally:
        writer.close()
    return said


def normal(said: bytes) -> list[object]:
    """What counts: status lines, header fields in any order but for the time, bodies."""
    parts = re.split(rb"(HTTP/1\.1 \d+ [^\r\n]*\r\n.*?\r\n\r\n)", said, flags=re.DOTALL)
    told: list[object] = []
    for part in parts:
        if part.startswith(b"HTTP/1.1 "):
            status, *fields = part.strip().split(b"\r\n")
            told.append((status, sorted(field for field in fields if not field.startswith(b"date:"))))
        else:
            told.append(part)
    return told


async def test_it_answers_as_uvicorns_own_does(servers: dict[str, tuple[int, Process]]) -> None:
    for name, pieces in SCRIPTS.items():
        async with asyncio.timeout(30):
            ours, stock = [normal(await talk(servers[protocol][0], pieces)) for protocol in (OURS, STOCK)]
        assert ours == stock, name


def message(random: Random) -> bytes:
    """A good request, one of few heads, so that some come again."""
    more = random.choice([b"", b"X-More: 1\r\n", b"X-More: 2\r\n", CHUNKED])
    body = random.choice([b"", b"hello", b"there", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
    if more == CHUNKED:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    before = random.choice([b"", b"", b"", b"\r\n"])
    path = random.choice(["/plain", "/plain?a=b", "/pl%61in"])
    return before + request(path, method=random.choice(["GET", "POST", "POST"]), more=more, body=body)


def broken(random: Random, sent: list[bytes]) -> bytes:
    """What is wrong somewhere, or just unusual, or a part of what was sent before; its length is not touched."""
    good, at = message(random), random.randrange(20)
    junk = random.choice([b" ", b"\r", b"\n", b"\0", b"\x7f", b":", b"%"])
    spoilt = [
        good[:at] + junk + good[at:],
        good[:at] + good[at + 1 :],
        good.replace(b"\r\n", b"\n", 1),
        good.replace(b"Host", b"HOST"),
        good[at:],
    ]
    return random.choice([random.choice(spoilt), random.choice(sent)])


def split(random: Random, data: bytes) -> list[bytes]:
    """The same in one piece or a few."""
    places = [random.randrange(len(data)), random.randrange(len(data)), data.index(b"\r\n\r\n") + 4]
    cuts = sorted(random.sample(places, random.choice([0, 0, 0, 1, 2])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if b > a]


async def converse(port: int, random: Random) -> bytes:
    """All that a server says to a client that waits for each answer, but for its last words."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    said, sent = b"", [b"\r\n\r\n"]
    messages = [split(random, message(random)) for _ in range(2)]
    for _ in range(random.randrange(6)):
        for piece in random.choice(messages):
            writer.write(piece)
            sent.append(piece)
            # Two pieces that lie there at once are read as one.
            await asyncio.sleep(0.001)
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = re.findall(rb"content-length: (\d+)", head)
        said += head + await reader.readexactly(int(length))
        blank = random.choice([b"", b"", b"\r\n\r\n", b"\r\n"])
        writer.write(blank)
        await asyncio.sleep(0.001 * len(blank))
    writer.write(broken(random, sent))
    await asyncio.sleep(0.001)
    writer.write(4 * request("/plain", body=b"x" * 50))
    try:
        while more := await reader.read(1 << 16):
            said += more
    finally:
        writer.close()
    return said


async def converse_whole(port: int, seed: int) -> bytes:
    """The same, again where the server closed while we still wrote: what it had said is lost then (RFC 9112, section 9.6)."""
    while True:
        with contextlib.suppress(ConnectionError):
            return await converse(port, Random(seed))


async def test_it_understands_whatever_comes_after_one_another_as_uvicorn_does(
    servers: dict[str, tuple[int, Process]],
) -> None:
    for seed in range(500):
        async with asyncio.timeout(30):
            ours, stock = [await converse_whole(servers[protocol][0], seed) for protocol in (OURS, STOCK)]
        assert normal(ours) == normal(stock), seed


async def test_a_body_that_comes_late_is_no_request_though_it_reads_like_its_own(
    servers: dict[str, tuple[int, Process]],
) -> None:
    length = len(request("/deaf", more=b"", body=b"x" * 10)) - 10
    head = request("/deaf", more=b"", body=b"x" * length)[:-length]
    assert len(head) == length
    told = {}
    for protocol in (OURS, STOCK):
        reader, writer = await asyncio.open_connection("127.0.0.1", servers[protocol][0])
        writer.write(head)
        answer = await reader.readuntil(b"1.1 ")
        writer.write(head)
        await asyncio.sleep(0.01)
        writer.write(request("/plain", body=b"hello"))
        told[protocol] = normal(answer + await reader.read())
        writer.close()
    assert told[OURS] == told[STOCK]


@pytest.mark.parametrize("how", ["two-lines", "nul"])
async def test_a_field_with_a_line_of_its_own_is_an_error(
    servers: dict[str, tuple[int, Process]], how: str
) -> None:
    said = await talk(servers[OURS][0], [request(f"/{how}", body=b"hello")])
    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in said
    assert b"x-told" not in said


async def test_idle_connections_are_closed_and_busy_ones_are_not(
    servers: dict[str, tuple[int, Process]],
) -> None:
    port, _ = servers[OURS]
    idle, busy = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    for _, writer in (idle, busy):
        writer.write(request("/plain", more=b""))
    closing = asyncio.create_task(idle[0].read())
    while not closing.done():
        busy[1].write(request("/plain", more=b""))
        await busy[0].readuntil(b"1.1 ")
        await busy[0].readuntil(b" 1.1 ")
        await asyncio.wait({closing}, timeout=0.1)
    busy[1].write(request("/plain"))
    assert b"HTTP/1.1 200 OK" in await busy[0].read()
    assert b"HTTP/1.1 200 OK" in await closing
    for _, writer in (idle, busy):
        writer.close()


async def test_what_is_under_way_at_sigterm_is_finished(servers: dict[str, tuple[int, Process]]) -> None:
    port, process = servers[OURS]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/plain", more=b"", body=b"hello")[:-2])
    await process.line("asked for plain")
    await asyncio.to_thread(process.send, signal.SIGTERM)
    await process.line("Shutting down")
    writer.write(b"lo")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer
    assert answer.endswith(b"hello")
    writer.close()


async def test_an_application_learns_that_its_client_left(servers: dict[str, tuple[int, Process]]) -> None:
    port, process = servers[OURS]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/listening", more=b""))
    writer.close()
    await writer.wait_closed()
    # It would wait for the application otherwise.
    assert await process.terminate() in (0, -15, 143)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells a slow reader from none")
async def test_readers_that_take_nothing_hold_up_no_end(servers: dict[str, tuple[int, Process]]) -> None:
    port, process = servers[OURS]
    readers = [await unread(port, request(path, more=b"")) for path in ("/endless", "/huge", "/en%64less")]
    await process.times("returned without completing", 2)
    # Whatever was said last would have to be taken first otherwise.
    assert await process.terminate() in (0, -15, 143)
    for reader in readers:
        reader.close()


@pytest.mark.slow
async def test_a_reader_that_takes_its_time_is_given_all(servers: dict[str, tuple[int, Process]]) -> None:
    port, process = servers[OURS]
    reader = await unread(port, request("/huge", more=b""))
    await process.line("asked for huge")
    process.send(signal.SIGTERM)
    said = b""
    while more := await asyncio.to_thread(reader.recv, 200_000):
        said += more
        await asyncio.sleep(0.05)
    assert len(said.partition(b"\r\n\r\n")[2]) == 3_000_000
    reader.close()
