"""What is too much: rates, waiting jobs, long queues, bodies."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.jobs.submitting.rate import RateLimit
from tests.support.jobs import fetch

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes, Web

LATER = {"Prefer": "respond-async"}


async def stored(database_url: str, state: str = "queued") -> int:
    """How many jobs there are in that state of the table."""
    connection = await asyncpg.connect(database_url)
    try:
        count: int = await connection.fetchval(
            "select count(*) from dramatiq.queue where state::text = $1", state
        )
        return count
    finally:
        await connection.close()


def refused(answer: httpx.Response, status: int) -> None:
    """It is a problem of that status, and says when to come back."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_tenants_waiting_jobs_are_limited_and_postponed_ones_count(
    processes: Processes, api_key: MakeKey, connect: Connect, database_url: str
) -> None:
    web = await processes.web(MAX_WAITING_PER_TENANT="5")
    client, other = connect(web, await api_key()), connect(web, await api_key("other"))
    keyed = {**LATER, "Idempotency-Key": "k1"}
    first = await client.post("/jobs/echo", json={}, headers=keyed)
    answers = await asyncio.gather(
        *(client.post("/jobs/echo", json={}, headers=LATER) for _ in range(2)),
        *(client.post("/jobs/echo?delay=1000", json={}, headers=LATER) for _ in range(20)),
    )
    assert sorted(answer.status_code for answer in answers) == [202] * 4 + [429] * 18
    for answer in answers:
        if answer.status_code == 429:
            refused(answer, 429)
    assert await stored(database_url) == 5

    assert (await other.post("/jobs/echo", json={}, headers=LATER)).status_code == 202
    again = await client.post("/jobs/echo", json={}, headers=keyed)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert (await client.post("/jobs/echo", json={"a": 1}, headers=keyed)).status_code == 422

    await client.post(first.json()["urls"]["cancel"])
    assert (await client.post("/jobs/echo", json={}, headers=LATER)).status_code == 202
    refused(await client.post("/jobs/echo", json={}, headers=LATER), 429)

    last = "update dramatiq.queue set lane = 'default.last' where tenant = 'acme' and due_at is null"
    await fetch(database_url, last)
    refused(await client.post("/jobs/echo", json={}, headers=LATER), 429)


async def test_jobs_that_end_make_room_at_once(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    client = connect(await processes.web(MAX_WAITING_PER_TENANT="3"), await api_key())
    await processes.worker()
    for _ in range(20):
        assert (await client.post("/jobs/echo", json={})).status_code == 200


async def test_two_processes_hold_one_limit(
    processes: Processes, api_key: MakeKey, connect: Connect, database_url: str
) -> None:
    key = await api_key()
    clients = [connect(await processes.web(MAX_WAITING_PER_TENANT="5"), key) for _ in range(2)]
    codes = [
        (await clients[number % 2].post("/jobs/echo", json={}, headers=LATER)).status_code
        for number in range(10)
    ]
    assert codes == [202] * 5 + [429] * 5
    assert await stored(database_url) == 5


async def test_a_long_queue_takes_no_more_until_it_is_shorter(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    client = connect(await processes.web(MAX_QUEUE_DEPTH="5"), await api_key())
    async with asyncio.timeout(30):
        while (answer := await client.post("/jobs/echo", json={}, headers=LATER)).status_code == 202:
            pass
    refused(answer, 503)
    assert "default" in answer.json()["detail"]
    await processes.worker()
    async with asyncio.timeout(30):
        while (await client.post("/jobs/echo", json={}, headers=LATER)).status_code == 503:
            pass


async def test_a_tenants_rate_is_limited(processes: Processes, api_key: MakeKey, connect: Connect) -> None:
    web = await processes.web(RATE_LIMIT_PER_SECOND="5")
    client, other = connect(web, await api_key()), connect(web, await api_key("other"))
    answers = await asyncio.gather(*(client.post("/jobs/echo", json={}, headers=LATER) for _ in range(30)))
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {202, 429}
    assert codes.count(202) >= 5
    refused(next(answer for answer in answers if answer.status_code == 429), 429)
    assert (await other.post("/jobs/echo", json={}, headers=LATER)).status_code == 202
    document = next(answer.json() for answer in answers if answer.status_code == 202)
    assert (await client.get(document["urls"]["self"])).status_code == 200
    uploads = await asyncio.gather(*(client.post("/uploads", content=b"a") for _ in range(30)))
    refused(next(answer for answer in uploads if answer.status_code == 429), 429)
    described = (await client.get("/openapi.json")).json()["paths"]["/uploads"]["post"]["responses"]
    assert {str(answer.status_code) for answer in uploads} <= set(described)


def test_a_rate_lets_in_as_many_at_once_as_in_a_second() -> None:
    now = 100.0
    limit = RateLimit(4, now=lambda: now)
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, pytest.approx(0.25)]
    now += 0.25
    assert [limit.wait("a"), limit.wait("b")] == [0, 0]
    assert limit.wait("a") > 0
    now += 3600
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 0, pytest.approx(0.25)]
    slow = RateLimit(0.1, now=lambda: now)
    assert [slow.wait("a"), slow.wait("a")] == [0, pytest.approx(10)]
    assert RateLimit(0).wait("a") == 0


BAD = {
    b"": 400,
    b" ": 400,
    b"{": 400,
    b'{"a": NaN}': 400,
    b'{"a": Infinity}': 400,
    b"{'a': 1}": 400,
    b'{"a": 1,}': 400,
    b'\xef\xbb\xbf{"a": 1}': 400,
    b'{"a": "\xff"}': 400,
    b'{"a": "\x00"}': 400,
    b'{"a": 01}': 400,
    b'{"a": 1} {}': 400,
    b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}": 400,
    b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}": 400,
    b'{"a": ' + b"9" * 4301 + b"}": 400,
    b'{"a": 0.' + b"1" * 4301 + b"}": 400,
    b'{"a": -' + b"9" * 400_000 + b"}": 400,
    b"[]": 422,
    b'"text"': 422,
    b"null": 422,
    b"7": 422,
    b'{"a": 1e400}': 422,
    b'{"a": ' + b"9" * 400 + b"}": 422,
    b'{"a": "\\u0000"}': 422,
    b'{"\\u0000": 1}': 422,
    b'{"a": "\\ud800"}': 422,
}

GOOD: list[tuple[bytes, Any]] = [
    (b"{}", {}),
    (b'{"a": 1, "a": 2}', {"a": 2}),
    (b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}", None),
    (b'{"a": 12345678901234567890123}', {"a": 12345678901234567890123}),
    (b'{"a": 0.1e-400}', {"a": 0.0}),
    (b'{"a": "' + b"9" * 5000 + b'"}', {"a": "9" * 5000}),
    (b'{"a": "\\\\u0000"}', {"a": "\\u0000"}),
    ('{"ä": "\N{GRINNING FACE}"}'.encode(), {"ä": "\N{GRINNING FACE}"}),
    (b'{"a": "\\ud83d\\ude00"}', {"a": "\N{GRINNING FACE}"}),
]


async def test_bodies_that_are_no_json_and_json_that_cannot_be_taken(
    client: httpx.AsyncClient, database_url: str
) -> None:
    for body, status in BAD.items():
        answer = await client.post("/jobs/echo", content=body)
        assert answer.status_code == status, (body[:40], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.json()["detail"]) < 200
        assert ("errors" in answer.json()) == (status == 422)
    assert await stored(database_url) + await stored(database_url, "done") == 0


async def test_the_detail_of_a_refusal_names_the_first_field_at_fault(client: httpx.AsyncClient) -> None:
    asked: list[tuple[str, Any, str]] = [
        ("/jobs/sleep", {"seconds": "x", "zzz": 1}, "seconds: Input should be a valid number"),
        ("/jobs/sleep", {"seconds": 1, "zzz": 1}, "zzz: Extra inputs"),
        ("/jobs/echo", {"ä~": [{"a/b": "\0"}]}, "ä~.0.a/b: a NUL character"),
        ("/jobs/echo", {"n" * 1000: "\0"}, "n" * 99 + "…: a NUL character"),
        ("/jobs/sleep?priority=x", {"seconds": 1}, "priority is high"),
        ("/jobs/sleep?dealy=1", {"seconds": 1}, "there is no query parameter 'dealy'"),
        ("/jobs/sleep", [], "an object is needed"),
        ("/webhooks", {"events": ["job.done"]}, "url: an address is needed"),
        ("/tokens", {"expires": 1}, "expires: there is no such member"),
    ]
    for address, body, begins in asked:
        answer = await client.post(address, json=body)
        assert (answer.status_code, answer.json()["detail"][: len(begins)]) == (422, begins)


async def test_bodies_that_are_taken_come_back_as_they_were(client: httpx.AsyncClient) -> None:
    for body, expected in GOOD:
        answer = await client.post("/jobs/echo", content=body)
        assert answer.status_code == 200, (body[:40], answer.text)
        assert answer.json()["result"] == (json.loads(body) if expected is None else expected)


async def test_other_types_than_json_are_refused(client: httpx.AsyncClient) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
    ):
        answer = await client.post("/jobs/echo", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415, kind
    latin = {"Content-Type": "application/json; charset=latin-1"}
    assert (await client.post("/jobs/echo", content=b"{}", headers=latin)).status_code == 415
    for kind in ("application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json"):
        answer = await client.post("/jobs/echo", content=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 200, kind


class TestLongBodies:
    """A body that is too long is refused before it has come, and the answer is seen."""

    @pytest.fixture
    async def web(self, processes: Processes) -> Web:
        return await processes.web(MAX_BODY_BYTES="100000", MAX_UPLOAD_BYTES="200000")

    @pytest.fixture
    async def key(self, api_key: MakeKey) -> str:
        return await api_key()

    async def exchange(self, web: Web, head: str, *pieces: bytes) -> tuple[bytes, bool]:
        """The answer to a request sent piece by piece, as far as the server takes it; whether it closed then."""
        host, port = web.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer += await reader.readexactly(length)
        writer.write_eof()
        rest = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return answer, rest == b""

    async def test_a_declared_length_is_refused_without_a_byte(self, web: Web, key: str) -> None:
        for path in ("/jobs/echo", "/uploads"):
            head = (
                f"POST {path} HTTP/1.1\nHost: x\nAuthorization: Bearer {key}\nContent-Length: 1000000000000"
            )
            answer, closed = await self.exchange(web, head)
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"connection: close" in answer.lower()
            assert closed

    async def test_a_client_that_sends_on_sees_the_answer(self, web: Web, key: str) -> None:
        head = f"POST /jobs/echo HTTP/1.1\nHost: x\nAuthorization: Bearer {key}\nContent-Length: 20000000"
        answer, _ = await self.exchange(web, head, *[b" " * 100_000] * 200)
        assert answer.startswith(b"HTTP/1.1 413 ")

    async def test_a_chunked_body_is_refused_where_it_becomes_too_long(self, web: Web, key: str) -> None:
        chunk = b"%x\r\n%s\r\n" % (60_000, b" " * 60_000)
        for path, count in (("/jobs/echo", 2), ("/uploads", 8)):
            head = f"POST {path} HTTP/1.1\nHost: x\nAuthorization: Bearer {key}\nTransfer-Encoding: chunked"
            answer, _ = await self.exchange(web, head, *[chunk] * count)
            assert answer.startswith(b"HTTP/1.1 413 "), path

    async def test_a_client_that_asks_first_is_told_no(self, web: Web, key: str) -> None:
        head = (
            "POST /jobs/echo HTTP/1.1\nHost: x\nExpect: 100-continue\n"
            "Authorization: Bearer wrong\nContent-Length: 10"
        )
        answer, closed = await self.exchange(web, head)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert closed

    async def test_a_short_refused_body_costs_no_connection(
        self, web: Web, connect: Connect, api_key: MakeKey
    ) -> None:
        client = connect(web, "wrong")
        first = await client.post("/jobs/echo", json={"a": "x" * 1000})
        assert first.status_code == 401
        assert "connection" not in first.headers
        assert (await client.post("/jobs/echo", json={})).status_code == 401

    async def test_the_longest_body_is_taken(self, web: Web, key: str, connect: Connect) -> None:
        client = connect(web, key)
        body = b'{"a": "' + b"x" * (100_000 - 9) + b'"}'
        assert len(body) == 100_000
        assert (await client.post("/jobs/echo", content=body, headers=LATER)).status_code == 202
        assert (await client.post("/jobs/echo", content=body + b" ", headers=LATER)).status_code == 413
        assert (await client.post("/uploads", content=b"x" * 200_000)).status_code == 201
        assert (await client.post("/uploads", content=b"x" * 200_001)).status_code == 413


async def test_a_body_that_stops_half_way_makes_no_job(service: Service, database_url: str) -> None:
    host, port = service.web.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /jobs/echo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {service.key}\r\n"
    writer.write(f'{head}Content-Length: 100\r\n\r\n{{"a": 1}}'.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await service.client.post("/jobs/echo", json={})).status_code == 200
    assert await stored(database_url, "done") + await stored(database_url) == 1
