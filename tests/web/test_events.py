"""A job's event stream."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from typing import TYPE_CHECKING

import asyncpg
import httpx
import psutil
import pytest

from sooner.web.http.accept import prefers_events
from tests.support.events import heard, listening
from tests.support.processes import PATIENCE
from tests.support.unread import unread

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes, Web

LATER = {"Prefer": "respond-async"}


async def test_a_stream_tells_of_each_state_and_progress_and_ends_with_the_job(
    client: httpx.AsyncClient,
) -> None:
    posted = await client.post("/jobs/sleep?delay=1", json={"seconds": 2, "steps": 2}, headers=LATER)
    async with listening(client, posted.json()["urls"]["events"], headers={"Authorization": ""}) as (
        answer,
        events,
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        told = [event async for event in events]
    assert [(event.type, event.job["state"]) for event in told[:3]] == [
        ("state", "waiting"),
        ("state", "processing"),
        ("progress", "processing"),
    ]
    assert (told[-1].type, told[-1].job["state"], told[-1].job["result"]) == ("state", "done", {"slept": 2})
    assert told[2].job["progress"] == {"fraction": 0.5, "message": "step 1 of 2"}
    assert len({event.id for event in told}) == len(told)
    assert told[-1].job == (await client.get(posted.json()["urls"]["self"])).json()


async def test_a_stream_goes_on_after_the_last_event_that_was_heard(
    service: Service, processes: Processes, connect: Connect
) -> None:
    posted = await service.client.post("/jobs/sleep?delay=1", json={"seconds": 3, "steps": 3}, headers=LATER)
    address = posted.json()["urls"]["events"]
    async with listening(service.client, address) as (_, events):
        first = [await anext(events), await anext(events)]
    assert [event.job["state"] for event in first] == ["waiting", "processing"]
    await service.web.terminate()
    other = connect(await processes.web(), service.key)
    rest = await heard(other, address, headers={"Last-Event-ID": str(first[-1].id)})
    states = [event.job["state"] for event in rest if event.type == "state"]
    assert states == ["done"]
    assert not {event.id for event in rest} & {event.id for event in first}


async def test_whoever_heard_nothing_since_waiting_is_told_the_state_now(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo", json={})
    address = posted.json()["urls"]["events"]
    for last in ("0-waiting", "1-processing"):
        [event] = await heard(client, address, headers={"Last-Event-ID": last})
        assert (event.type, event.job["state"]) == ("state", "done")


async def test_whoever_heard_the_end_is_told_not_to_come_back(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo", json={})
    address = posted.json()["urls"]["events"]
    [event] = await heard(client, address)
    again = await client.get(address, headers={"Last-Event-ID": str(event.id)})
    assert (again.status_code, again.content) == (204, b"")


async def test_an_unfit_last_event_id_is_ignored(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo", json={})
    for last in ("", "x", "7", "7-", "7-nonsense", "99-done", "-1-done", "²-done"):
        told = await heard(
            client, posted.json()["urls"]["events"], headers={b"Last-Event-ID": last.encode("latin-1")}
        )
        assert [event.type for event in told] == ["state"], last


async def test_a_retried_job_that_fails_again_is_told_again(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/fail", json={})
    address = posted.json()["urls"]["events"]
    [first] = await heard(client, address)
    await client.post(f"/jobs/{posted.json()['id']}/retry")
    told = await heard(client, address, headers={"Last-Event-ID": str(first.id)})
    assert [event.job["state"] for event in told][-1] == "error"
    assert told[-1].id != first.id


async def test_a_post_is_answered_with_the_stream_where_it_asks_for_it(client: httpx.AsyncClient) -> None:
    headers = {"Accept": "text/event-stream", "Idempotency-Key": "k1"}
    params = {"seconds": 1}
    async with listening(client, "/jobs/sleep", method="POST", json=params, headers=headers) as (
        answer,
        events,
    ):
        assert answer.status_code == 200
        assert answer.headers["location"].startswith("/jobs/")
        assert "idempotency-replayed" not in answer.headers
        told = [event async for event in events]
    assert (told[0].type, told[-1].job["state"]) == ("state", "done")
    async with listening(client, "/jobs/sleep", method="POST", json=params, headers=headers) as (
        answer,
        events,
    ):
        assert answer.headers["idempotency-replayed"] == "true"
        assert [event.job["id"] async for event in events] == [told[-1].job["id"]]
    refused = await client.post("/jobs/sleep", json={}, headers=headers)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


async def test_a_client_that_leaves_its_posts_stream_cancels_what_is_declared_so(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    module = "tests.support.actors"
    client = connect(await processes.web(module=module), await api_key())
    await processes.worker(module=module)
    async with listening(
        client,
        "/jobs/cancelled_with_client",
        method="POST",
        json={"seconds": 1000},
        headers={"Accept": "text/event-stream"},
    ) as (_, events):
        first = await anext(events)
    assert first.job["state"] in {"waiting", "processing"}
    told = await heard(client, first.job["urls"]["events"])
    assert told[-1].job["state"] == "cancelled"


async def test_sigterm_ends_the_streams(service: Service) -> None:
    posted = await service.client.post("/jobs/sleep", json={"seconds": 1000}, headers=LATER)
    async with listening(service.client, posted.json()["urls"]["events"]) as (_, events):
        await anext(events)
        service.web.send(signal.SIGTERM)
        assert [
            event async for event in events if event.type == "state" and event.job["state"] == "done"
        ] == []
    assert await service.web.exit() in (0, -signal.SIGTERM)


async def test_a_stream_outlives_the_loss_of_every_connection(service: Service, database_url: str) -> None:
    posted = await service.client.post("/jobs/sleep", json={"seconds": 4}, headers=LATER)
    async with listening(service.client, posted.json()["urls"]["events"]) as (_, events):
        await anext(events)
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        await connection.close()
        told = [event async for event in events]
    assert told[-1].job["state"] == "done"


async def test_readers_that_take_nothing_cost_little_and_hold_nobody_up(
    processes: Processes, api_key: MakeKey, connect: Connect, database_url: str
) -> None:
    web = await processes.web()
    client = connect(web, await api_key())
    posted = await client.post("/jobs/echo?delay=600", json={"a": "x" * 900_000}, headers=LATER)
    id, urls = posted.json()["id"], posted.json()["urls"]
    size, readers, changes = len(posted.content), 20, 50
    db = await asyncpg.connect(database_url)
    slow = [await begun(web, urls["events"]) for _ in range(readers)]
    try:
        before = psutil.Process(web.pid).memory_info().rss
        async with listening(client, urls["events"]) as (_, events):
            assert (await anext(events)).type == "state"
            for n in range(changes):
                await db.execute(CHANGE, id, json.dumps({"fraction": None, "message": f"change {n}"}))
                while (event := await anext(events)).type == "comment":
                    pass
                assert event.job["progress"]["message"] == f"change {n}"
        grown = psutil.Process(web.pid).memory_info().rss - before
        await client.post(urls["cancel"])
        taken = [await asyncio.to_thread(rest, reader) for reader in slow]
    finally:
        await db.close()
        for reader in slow:
            reader.close()

    # Each holds the event that it is given, and no other until it has taken that one.
    assert grown < readers * size * changes / 4
    # What it was given lies in the kernel's buffers; most of what came and went meanwhile it is never told.
    assert max(taken) < size * changes / 2


async def test_a_stream_that_is_polled_for_outlives_an_error_that_nobody_foresaw(
    processes: Processes, api_key: MakeKey, connect: Connect, database_url: str
) -> None:
    web = await processes.web(LISTEN="0")
    client = connect(web, await api_key())
    posted = await client.post("/jobs/echo?delay=600", json={}, headers=LATER)
    db = await asyncpg.connect(database_url)
    async with listening(client, posted.json()["urls"]["events"]) as (_, events):
        assert (await anext(events)).type == "state"
        await db.execute("alter table dramatiq.queue rename to elsewhere")
        await web.line('"looking at watched jobs"')
        await db.execute("alter table dramatiq.elsewhere rename to queue")
        await db.execute(CHANGE, posted.json()["id"], json.dumps({"fraction": None, "message": "changed"}))
        while (event := await anext(events)).type == "comment":
            pass
        assert event.job["progress"]["message"] == "changed"
    await db.close()


CHANGE = """
    with changed as (
      update dramatiq.queue set progress = $2::jsonb, version = version + 1 where message_id = $1 returning message_id
    )
    select pg_notify('sooner.changed', message_id::text) from changed
"""


async def begun(web: Web, address: str) -> socket.socket:
    """A stream whose reader took its first bytes, and takes no more."""
    request = f"GET {address} HTTP/1.1\r\nHost: sooner\r\nConnection: close\r\n\r\n"
    reader = await unread(int(web.url.rpartition(":")[2]), request.encode())
    assert (await asyncio.to_thread(reader.recv, 15)) == b"HTTP/1.1 200 OK"
    return reader


def rest(reader: socket.socket) -> int:
    """How many bytes are left until the stream ends."""
    reader.settimeout(PATIENCE)
    count = 0
    with contextlib.suppress(ConnectionError):
        while part := reader.recv(1 << 20):
            count += len(part)
    return count


@pytest.mark.slow
async def test_a_silent_stream_is_kept_alive_by_comments(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo?delay=1000", json={}, headers=LATER)
    async with listening(client, posted.json()["urls"]["events"]) as (_, events):
        assert (await anext(events)).type == "state"
        async with asyncio.timeout(15):
            assert (await anext(events)).type == "comment"


async def test_a_head_request_is_answered_without_a_stream(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo?delay=1000", json={}, headers=LATER)
    answer = await client.head(posted.json()["urls"]["events"])
    assert (answer.status_code, answer.content) == (200, b"")


async def test_streams_are_refused_like_documents(
    service: Service, api_key: MakeKey, connect: Connect
) -> None:
    posted = await service.client.post("/jobs/echo", json={})
    address = f"/jobs/{posted.json()['id']}/events"
    stranger = connect(service.web, await api_key("other"))
    assert (await stranger.get(address)).status_code == 404
    assert (await connect(service.web).get(address)).status_code == 401
    assert (await connect(service.web).get(address + "?access=1.x")).status_code == 401


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], False),
        (["*/*"], False),
        (["application/json"], False),
        (["text/event-stream"], True),
        (["Text/Event-Stream; charset=utf-8"], True),
        (["text/event-stream, */*;q=0.1"], True),
        (["application/json;q=0.5", "text/event-stream"], True),
        (["application/json, text/event-stream"], False),
        (["application/json, text/event-stream;q=0.9"], False),
        (["text/event-stream;q=0"], False),
        (["text/event-stream;q=junk"], False),
        (["text/event-streams"], False),
    ],
)
def test_accept(fields: list[str], *, expected: bool) -> None:
    assert prefers_events(fields) is expected
