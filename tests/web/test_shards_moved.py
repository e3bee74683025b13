"""Tenants that are moved to another shard while their requests are under way."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sooner.jobs.moving.mover import Mover
from tests.support.events import Event, listening
from tests.support.jobs import fetch, post, rows
from tests.support.shards import NOTICED_SECONDS, on_three_shards
from tests.web.test_dashboard import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect
    from tests.support.processes import Processes, Web
    from tests.support.shards import Shards

ROW = "select from dramatiq.queue where message_id = $1"


@pytest.fixture
def settings(shard_urls: dict[str, str], secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """Web works on three shards; a worker's own is said where it starts."""
    return on_three_shards(shard_urls, secret_keys)


@pytest.fixture
async def web(processes: Processes, shards: Shards) -> Web:
    """A web process on the three shards."""
    return await processes.web()


@pytest.fixture
async def client(web: Web, shards: Shards, connect: Connect) -> httpx.AsyncClient:
    """A tenant that is on shard b."""
    return connect(web, await shards.key("acme", "b"))


async def move(shards: Shards) -> None:
    """Moves the tenant from b to c."""
    await Mover(shards.urls, "a", "acme", settle_seconds=NOTICED_SECONDS).move("c")


async def put_out(url: str, job: str, number: int) -> None:
    """Writes a piece of a job's output."""
    await fetch(url, "insert into sooner.output values ($1, $2, 0, $2::bigint::text)", UUID(job), number)


async def said(events: AsyncIterator[Event]) -> list[Event]:
    """All further events, without comments."""
    return [event async for event in events if event.type != "comment"]


async def test_a_job_that_still_lies_where_its_tenant_was(
    client: httpx.AsyncClient, web: Web, shards: Shards, connect: Connect
) -> None:
    job = await post(client, "echo")
    await shards.copy_keys("b", "c")
    await shards.place("acme", "c")
    newer = await post(client, "echo")

    assert (await client.get(f"/jobs/{job['id']}")).json()["id"] == job["id"]
    assert (await connect(web).get(job["urls"]["self"])).json()["id"] == job["id"]
    assert (await client.get(f"/jobs/{job['id']}/output")).json()["complete"] is False
    assert (await client.get(f"/jobs/{newer['id']}")).json()["id"] == newer["id"]
    assert (await client.post(f"/jobs/{job['id']}/cancel")).json()["state"] == "cancelled"
    assert (await client.get(f"/jobs/{job['id']}/result")).status_code == 409


async def test_an_event_stream_follows_its_job(client: httpx.AsyncClient, shards: Shards) -> None:
    job = await post(client, "echo")
    async with listening(client, f"/jobs/{job['id']}/events") as (_, events):
        first = await anext(events)
        await move(shards)
        assert (await client.post(f"/jobs/{job['id']}/cancel")).json()["state"] == "cancelled"
        rest = await said(events)

    assert first.job["state"] == "waiting"
    assert [event.job["state"] for event in rest] == ["cancelled"]
    assert await fetch(shards.urls["c"], ROW, UUID(job["id"]))


async def test_a_stream_of_output_follows_its_job(client: httpx.AsyncClient, shards: Shards) -> None:
    job = await post(client, "echo")
    await put_out(shards.urls["b"], job["id"], 1)
    accept = {"Accept": "text/event-stream"}
    async with listening(client, f"/jobs/{job['id']}/output", headers=accept) as (_, events):
        first = await anext(events)
        await move(shards)
        await put_out(shards.urls["c"], job["id"], 2)
        await client.post(f"/jobs/{job['id']}/cancel")
        rest = await said(events)

    assert (first.type, first.id, first.data) == ("output", "1", "1")
    assert [(event.type, event.id) for event in rest] == [("output", "2"), ("end", "2")]


async def test_a_wait_goes_on_where_its_job_is(
    client: httpx.AsyncClient, shards: Shards, processes: Processes
) -> None:
    await processes.worker(DATABASE_URL=shards.urls["c"])
    posted = asyncio.create_task(post(client, "echo", "wait=20", number=7))
    [row] = await rows(shards.urls["b"], "select message_id as id from dramatiq.queue")
    read = asyncio.create_task(client.get(f"/jobs/{row['id']}", headers={"Prefer": "wait=20"}))
    followed = asyncio.create_task(client.get(f"/jobs/{row['id']}/events"))
    await move(shards)

    assert (await posted)["state"] == "done"
    assert (await read).json()["state"] in ("processing", "done")
    assert (await followed).text.count('"state":"done"') == 1


async def test_a_webhooks_test_follows_its_tenant(
    client: httpx.AsyncClient, shards: Shards, processes: Processes
) -> None:
    await processes.worker(DATABASE_URL=shards.urls["c"], ALLOW_PRIVATE_NETWORK="1")
    hook = {"url": "https://example.com/x", "events": ["job.done"]}
    address = f"/webhooks/{(await client.post('/webhooks', json=hook)).json()['id']}/test"
    await fetch(shards.urls["b"], "update sooner.webhook set url = 'http://127.0.0.1:1/nobody'")
    testing = asyncio.create_task(client.post(address, headers={"Prefer": "wait=20"}))
    [row] = await rows(shards.urls["b"], "select message_id as id from dramatiq.queue")
    await move(shards)
    answer = await testing

    assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (200, str(row["id"]), "error")
    assert len(await fetch(shards.urls["c"], "select from dramatiq.queue")) == 1


async def test_the_dashboards_open_job_follows_its_tenant(
    client: httpx.AsyncClient, web: Web, shards: Shards, connect: Connect
) -> None:
    operator = connect(web, await shards.key("ops", "a", scopes=("jobs", "admin")))
    job = await post(client, "echo")
    async with listening(operator, f"/dashboard/events?job={job['id']}") as (_, events):
        seen = [await told(events, "job")]
        await move(shards)
        await client.post(f"/jobs/{job['id']}/cancel")
        while None not in seen and seen[-1]["state"] != "cancelled":
            seen.append(await told(events, "job"))

    assert None not in seen
    assert await fetch(shards.urls["c"], ROW, UUID(job["id"]))


async def test_a_delivery_is_held_where_it_is_not_parked(web: Web, shards: Shards, connect: Connect) -> None:
    operator = connect(web, await shards.key("ops", "a", scopes=("jobs", "admin")))
    [row] = await fetch(shards.urls["b"], "select sooner.submit('echo', '{}') as id")
    [copy] = await fetch(shards.urls["b"], "select queue::text as row from dramatiq.queue")
    await fetch(
        shards.urls["c"], "insert into dramatiq.queue select ($1::text::dramatiq.queue).*", copy["row"]
    )
    await fetch(shards.urls["b"], "update dramatiq.queue set due_at = '3000-01-01'")

    assert (await operator.post(f"/jobs/{row['id']}/cancel")).json()["state"] == "cancelled"
    [there] = await fetch(shards.urls["c"], "select state::text from dramatiq.queue")
    assert there["state"] == "cancelled"


async def test_a_write_waits_for_the_end_of_a_move(client: httpx.AsyncClient, shards: Shards) -> None:
    await shards.freeze("acme", "b")
    writing = [
        asyncio.create_task(client.post("/jobs/echo", json={"n": 1}, headers={"Prefer": "respond-async"})),
        asyncio.create_task(client.post("/uploads", content=b"some bytes")),
        asyncio.create_task(
            client.post("/webhooks", json={"url": "https://example.com/x", "events": ["job.done"]})
        ),
    ]
    assert not (await asyncio.wait(writing, timeout=0.5))[0]
    await shards.copy_keys("b", "c")
    await shards.place("acme", "c")
    codes = [(await each).status_code for each in writing]

    assert codes == [202, 201, 201]
    for table in ("dramatiq.queue", "sooner.upload", "sooner.webhook"):
        assert await fetch(shards.urls["c"], f"select from {table}"), table
        assert not await fetch(shards.urls["b"], f"select from {table}"), table


async def test_a_write_is_refused_where_the_move_takes_too_long(
    client: httpx.AsyncClient, shards: Shards
) -> None:
    await shards.freeze("acme", "b")
    began = time.monotonic()
    answers = await asyncio.gather(
        client.post("/jobs/echo", json={}), client.post("/uploads", content=b"some bytes")
    )

    assert [answer.status_code for answer in answers] == [503, 503]
    assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
    assert 2.5 < time.monotonic() - began < 6
    assert (await client.get("/jobs")).status_code == 200


async def test_a_mover_that_died_keeps_nobody_from_an_upload(
    client: httpx.AsyncClient, shards: Shards
) -> None:
    await shards.freeze("acme", "b")
    # Its freeze ends by itself; the directory says until the next mover comes that the tenant is frozen.
    await fetch(shards.urls["b"], "update sooner.frozen_tenant set until = now()")

    assert (await client.post("/uploads", content=b"some bytes")).status_code == 201
    assert await fetch(shards.urls["b"], "select from sooner.upload")


async def test_an_upload_that_is_refused_in_the_middle_is_503(
    client: httpx.AsyncClient, shards: Shards
) -> None:
    assert (await client.get("/jobs")).status_code == 200
    await shards.freeze("acme", "b", at_home=False)
    answer = await client.post("/uploads", content=b"some bytes")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
