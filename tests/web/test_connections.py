"""What becomes of connections: large answers, clients that leave, clients that take nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from sooner.local.ports import free_port
from tests.support.unread import unread

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes, Web

#: More than the kernel takes from a server on its own, twice.
LARGE = json.dumps({"text": "x" * 5_000_000}).encode()
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere nobody tells a slow reader from one that takes nothing"
)


@dataclass
class Large:
    """A web process; the addresses of two jobs whose documents are large, one of them done."""

    web: Web
    done: dict[str, str]
    waiting: dict[str, str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.web.url.rpartition(":")[2])

    def peers(self) -> set[object]:
        """The other ends of its connections."""
        return {tuple(each.raddr) for each in self.web.tree()[0].net_connections("tcp")}


def post(key: str, actor: str, body: bytes) -> bytes:
    """A request for a job, the last one of its connection."""
    return (
        f"POST /jobs/{actor} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@pytest.fixture
async def large(processes: Processes, api_key: MakeKey, connect: Connect) -> Large:
    """A web process, and a job whose document has 10 MB."""
    web = await processes.web(MAX_BODY_BYTES=str(len(LARGE)), SHUTDOWN_TIMEOUT_SECONDS="60")
    await processes.worker()
    client = connect(web, await api_key())
    done = await client.post("/jobs/echo", content=LARGE, headers={"Prefer": "wait=20"})
    assert done.json()["state"] == "done"
    waiting = await client.post("/jobs/echo?delay=600", content=LARGE)
    return Large(web, done.json()["urls"], waiting.json()["urls"])


async def test_a_client_that_leaves_before_its_answer_harms_nobody(
    service: Service, api_key: MakeKey
) -> None:
    parts, key = urlsplit(service.web.url), await api_key()
    for _ in range(20):
        client = socket.create_connection((parts.hostname, parts.port), timeout=30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(post(key, "echo", b"{}"))
        client.close()
    answer = await service.client.post("/jobs/echo", json={"a": 1})
    assert answer.json()["result"] == {"a": 1}
    assert "Traceback" not in service.web.output


async def test_answers_under_way_at_sigterm_come_whole(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    web = await processes.web(module="tests.support.actors")
    client = connect(web, await api_key())
    waiting = [asyncio.create_task(client.post("/jobs/echo", json={"n": n})) for n in range(20)]
    while (await client.get("/jobs?limit=20")).json()["items"][19:] == []:
        pass
    await web.terminate()
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["params"]["n"] for answer in answers} == set(range(20))


async def unread_answer(port: int, address: str) -> socket.socket:
    """A client that takes the first bytes of an answer, and no more."""
    client = await unread(port, f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert (await asyncio.to_thread(client.recv, 15)) == b"HTTP/1.1 200 OK"
    return client


@on_linux
async def test_clients_that_take_nothing_hold_up_no_end(large: Large, processes: Processes) -> None:
    port = free_port()
    # Where nobody says so, uvicorn waits for its connections without a limit.
    bare = await processes.command(f"exec uvicorn src.api:app --port {port}")
    await bare.line("Uvicorn running")
    addresses = [large.done["self"], large.done["result"], large.waiting["events"]]
    clients = [await unread_answer(port, address) for address in addresses]
    assert await bare.terminate() == -signal.SIGTERM
    for client in clients:
        client.close()


@on_linux
@pytest.mark.slow
async def test_a_client_that_takes_nothing_is_let_go(large: Large) -> None:
    client = await unread_answer(large.port, large.done["self"])
    with contextlib.closing(client):
        while client.getsockname() in large.peers():  # noqa: ASYNC110 - the kernel alone knows when
            await asyncio.sleep(1)
        assert large.web.running()


@pytest.mark.slow
async def test_a_client_that_takes_its_time_is_given_all(large: Large) -> None:
    client = await unread_answer(large.port, large.done["self"])
    large.web.send(signal.SIGTERM)
    said = b""
    with contextlib.closing(client):
        while more := await asyncio.to_thread(client.recv, 1 << 20):
            said += more
            await asyncio.sleep(0.01)
    assert json.loads(said.partition(b"\r\n\r\n")[2])["result"] == json.loads(LARGE)
