"""Answers leave in one piece."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes, Web

#: Where `tcpi_data_segs_in` is in Linux's struct tcp_info (linux/tcp.h).
DATA_SEGMENTS_IN = slice(152, 156)
ACTORS = "tests.support.actors"


def exchange(web: Web, request: bytes) -> tuple[bytes, bytes, int]:
    """Head and body of an answer after which the server closes, and in how many segments it came."""
    parts = urlsplit(web.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as client:
        client.sendall(request)
        answer = b""
        while more := client.recv(1 << 20):
            answer += more
        told = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body, int.from_bytes(told[DATA_SEGMENTS_IN], sys.byteorder)


def post(key: str, actor: str, body: bytes) -> bytes:
    """A request for a job, the last one of its connection."""
    return (
        f"POST /jobs/{actor} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@pytest.mark.skipif(sys.platform != "linux", reason="counts segments as Linux tells them")
async def test_head_and_body_come_in_one_segment(service: Service, api_key: MakeKey) -> None:
    request = post(await api_key(), "echo", b'{"a": 1}')
    head, body, segments = await asyncio.to_thread(exchange, service.web, request)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["result"] == {"a": 1}
    assert segments == 1


async def test_what_is_larger_than_what_is_held_back_comes_whole(service: Service, api_key: MakeKey) -> None:
    text = "x" * 900_000
    request = post(await api_key(), "echo", json.dumps({"text": text}).encode())
    head, body, _ = await asyncio.to_thread(exchange, service.web, request)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert json.loads(body)["result"] == {"text": text}


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
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    waiting = [asyncio.create_task(client.post("/jobs/echo", json={"n": n})) for n in range(20)]
    while (await client.get("/jobs?limit=20")).json()["items"][19:] == []:
        pass
    await web.terminate()
    answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["params"]["n"] for answer in answers} == set(range(20))
