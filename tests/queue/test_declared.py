"""What an actor declares of uniqueness and limits holds over HTTP, at several workers."""

import asyncio

import asyncpg
import httpx
import pytest

from tests.conftest import Connect, MakeKey
from tests.support.processes import Processes
from tests.support.rows import until

ACTORS = "tests.support.actors"


@pytest.fixture
async def client(processes: Processes, api_key: MakeKey, connect: Connect) -> httpx.AsyncClient:
    """A client of a web that knows the tests' actors, beside two workers that do."""
    for _ in range(2):
        await processes.worker(module=ACTORS)
    return connect(await processes.web(module=ACTORS), await api_key())


async def test_a_unique_job_is_attached_to(client: httpx.AsyncClient) -> None:
    def ask(site: str) -> "asyncio.Task[httpx.Response]":
        return asyncio.create_task(
            client.post("/jobs/once_a_site", json={"site": site, "seconds": 1}, headers={"Prefer": "wait=20"})
        )

    answers = await asyncio.gather(*(ask("a") for _ in range(10)), ask("b"))
    assert {answer.json()["state"] for answer in answers} == {"done"}
    assert len({answer.json()["id"] for answer in answers[:10]}) == 1
    assert answers[0].json()["id"] != answers[10].json()["id"]
    again = await ask("a")
    assert again.json()["id"] != answers[0].json()["id"]


async def test_a_failed_unique_job_is_not_retried_beside_its_like(client: httpx.AsyncClient) -> None:
    async def ask(seconds: int, query: str = "") -> str:
        params = {"site": "c", "seconds": seconds}
        answer = await client.post(f"/jobs/once_a_site{query}", json=params, headers={"Prefer": "wait=20"})
        return str(answer.json()["id"])

    failed, like = await ask(-1), await ask(0, "?delay=60")
    refused = await client.post(f"/jobs/{failed}/retry")
    await client.post(f"/jobs/{like}/cancel")
    retried = await client.post(f"/jobs/{failed}/retry")

    assert (refused.status_code, refused.json()["type"]) == (409, "wrong-state")
    assert "(unique)" in refused.json()["detail"]
    assert retried.status_code == 202


async def test_what_means_the_same_is_one_job_or_one_at_a_time(
    client: httpx.AsyncClient, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    same: list[dict[str, object]] = [{}, {"page": 1}, {"page": "1"}]
    headers = {"Prefer": "respond-async"}
    once = [await client.post("/jobs/once_a_page", json=params, headers=headers) for params in same]
    for params in same:
        await client.post("/jobs/one_a_page", json=params, headers=headers)
    await until(sql, "select count(*) = 4 from dramatiq.queue where state = 'done'")

    assert len({answer.json()["id"] for answer in once}) == 1
    assert await most_together(sql, "one_a_page") == 1


async def most_together(sql: "asyncpg.Connection[asyncpg.Record]", actor: str) -> int:
    """How many jobs of an actor ran at the same time."""
    most: int = await sql.fetchval(
        "select max(together) from (select count(*) as together from dramatiq.queue as one join dramatiq.queue as other "
        "on other.started_at <= one.started_at and other.finished_at > one.started_at "
        "where one.actor = $1 and other.actor = $1 group by one.message_id) as t",
        actor,
    )
    return most


async def test_a_concurrency_limit_holds_at_two_workers(
    client: httpx.AsyncClient, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    headers = {"Prefer": "respond-async"}
    for _ in range(8):
        assert (
            await client.post("/jobs/two_at_a_time", json={"seconds": 0.3}, headers=headers)
        ).status_code == 202
    await until(sql, "select count(*) = 8 from dramatiq.queue where state = 'done'")
    assert await most_together(sql, "two_at_a_time") == 2


async def test_a_postponed_job_outlives_its_limit(
    client: httpx.AsyncClient, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    later = {"Prefer": "respond-async"}
    await client.post("/jobs/two_at_a_time?delay=1", json={"seconds": 0}, headers=later)
    # As the hourly clean-up does meanwhile.
    assert await sql.execute('delete from sooner."limit"') == "DELETE 1"
    await until(sql, "select count(*) = 1 from dramatiq.queue where state = 'done'")


async def test_a_limit_holds_for_a_stock_producers_jobs(
    client: httpx.AsyncClient, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    message = (
        '{"actor_name": "one_a_page", "queue_name": "default", "args": [], "options": {}, '
        '"kwargs": {"page": "1", "seconds": 0.2}}'
    )
    for _ in range(4):
        await sql.execute(
            "insert into dramatiq.queue (message_id, queue_name, message) values (gen_random_uuid(), 'default', $1)",
            message,
        )
        await sql.execute("select pg_notify('dramatiq.default.enqueue', $1)", message)
    await client.post("/jobs/one_a_page", json={"seconds": 0.2}, headers={"Prefer": "respond-async"})

    await until(sql, "select count(*) = 5 from dramatiq.queue where state = 'done'")

    assert await most_together(sql, "one_a_page") == 1
    assert await sql.fetchval("select count(distinct limit_key) from dramatiq.queue") == 1


async def test_a_rate_holds_back_what_exceeds_it(
    client: httpx.AsyncClient, sql: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    for _ in range(5):
        await client.post("/jobs/three_an_hour", json={}, headers={"Prefer": "respond-async"})
    await until(sql, "select count(*) = 3 from dramatiq.queue where state = 'done'")
    other = await client.post(
        "/jobs/once_a_site", json={"site": "x", "seconds": 0}, headers={"Prefer": "wait=20"}
    )
    assert other.json()["state"] == "done"
    assert await sql.fetchval("select count(*) from dramatiq.queue where state = 'queued'") == 2
