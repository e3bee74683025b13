"""GET /queues, pause and resume; GET /actors."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from tests.cli.doctor.test_doctor import doctor
from tests.support.jobs import fetch, final, post
from tests.support.rows import until

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes

LATER = {"Prefer": "respond-async"}


@pytest.fixture
async def operator(service: Service, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client with scope `admin`."""
    return connect(service.web, await api_key("operators", scopes=["admin"]))


async def queue(operator: httpx.AsyncClient, name: str = "default") -> dict[str, Any]:
    """What is said of a queue."""
    answer = await operator.get("/queues")
    assert answer.status_code == 200, answer.text
    [found] = [item for item in answer.json()["items"] if item["name"] == name]
    return dict(found)


async def test_a_queue_tells_what_goes_on_in_it(service: Service, operator: httpx.AsyncClient) -> None:
    idle = await queue(operator)
    await service.client.post("/jobs/echo", json={})
    await service.client.post("/jobs/echo?delay=60", json={})
    await service.client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": "wait=1"})

    busy = await queue(operator)

    assert idle == {
        "name": "default",
        "waiting": 0,
        "due": 0,
        "processing": 0,
        "oldest_waiting_seconds": None,
        "finished_per_minute": 0,
        "paused": False,
        "workers": 1,
        "stranded": 0,
    }
    assert busy == idle | {"waiting": 1, "processing": 1, "finished_per_minute": 1}


async def test_jobs_that_no_living_worker_would_claim_are_stranded(
    service: Service, operator: httpx.AsyncClient, processes: Processes, database_url: str
) -> None:
    removed = await post(service.client, "echo")
    await final(service.client, removed["id"])
    again = "state = 'queued', finished_at = null, result = null, worker = null, turn = 0"
    await fetch(database_url, f"update dramatiq.queue set {again}, actor = 'removed'")

    of_no_actor = await queue(operator)
    said = await doctor(DATABASE_URL=database_url)
    await service.worker.terminate()
    await post(service.client, "echo")
    of_no_worker = await queue(operator)
    said_then = await doctor(DATABASE_URL=database_url)
    await operator.post("/queues/default/pause")
    paused = await queue(operator)
    await operator.post("/queues/default/resume")
    await processes.worker(module="src.actors --queues webhooks")
    of_no_queue = await doctor(DATABASE_URL=database_url)

    assert (of_no_actor["due"], of_no_actor["stranded"]) == (1, 1)
    assert (of_no_worker["due"], of_no_worker["stranded"], of_no_worker["workers"]) == (2, 2, 0)
    assert (paused["due"], paused["stranded"]) == (2, 0)
    assert [said[0], said_then[0], of_no_queue[0]] == [1, 1, 1]
    assert said[1]["stranded"][1] == (
        "1 due jobs of actor removed, which no living worker knows: deploy it again, or cancel them, "
        "else they end as no-such-actor"
    )
    assert said_then[1]["stranded"] == ("WRONG", "2 due jobs, and no worker lives: start one")
    wrong = of_no_queue[1]["stranded"][1]
    assert "1 due jobs of actor echo, whose queue default no living worker serves" in wrong
    assert "start one with --queues default" in wrong


async def test_a_job_whose_actor_is_no_more_is_not_retried(
    service: Service, operator: httpx.AsyncClient, database_url: str
) -> None:
    failed = await post(service.client, "fail", prefer="wait=20")
    removed = await post(service.client, "fail", prefer="wait=20")
    rename = "update dramatiq.queue set actor = 'removed' where message_id = $1::text::uuid"
    await fetch(database_url, rename, removed["id"])

    refused = await service.client.post(f"/jobs/{removed['id']}/retry")
    bulk = await operator.post("/dashboard/retry", json={"ids": [failed["id"], removed["id"]]})

    assert (refused.status_code, refused.json()["type"]) == (409, "no-such-actor")
    assert "'removed'" in refused.json()["detail"]
    assert bulk.json() == {
        "changed": 1,
        "refused": 1,
        "reason": refused.json()["detail"],
        "next": None,
    }
    left = (await service.client.get(f"/jobs/{removed['id']}")).json()
    assert left["state"] == "error"


async def test_a_paused_queue_holds_its_jobs_until_it_is_resumed_restarts_included(
    service: Service, operator: httpx.AsyncClient
) -> None:
    paused = await operator.post("/queues/default/pause")
    held = await service.client.post("/jobs/echo", json={"n": 1}, headers={"Prefer": "wait=1"})
    seen = await queue(operator)

    resumed = await operator.post("/queues/default/resume")
    url = held.json()["urls"]["self"]
    done = await service.client.get(url, headers={"Prefer": "wait=20", "If-None-Match": held.headers["ETag"]})

    assert paused.status_code == 200
    assert paused.json()["paused"] is True
    assert held.status_code == 202
    assert held.json()["state"] == "waiting"
    assert (seen["due"], seen["waiting"], seen["paused"]) == (1, 1, True)
    assert seen["oldest_waiting_seconds"] > 0
    assert resumed.json()["paused"] is False
    assert done.json()["state"] in ("processing", "done")


async def test_a_pause_survives_the_workers_restart(
    service: Service, operator: httpx.AsyncClient, processes: Any
) -> None:
    await operator.post("/queues/default/pause")
    await service.worker.terminate()
    await processes.worker()

    held = await service.client.post("/jobs/echo", json={"n": 1}, headers={"Prefer": "wait=2"})

    assert held.json()["state"] == "waiting"


@pytest.mark.direct("it watches the workers' own connections")
async def test_a_pause_holds_for_every_worker_until_it_is_resumed(
    service: Service, operator: httpx.AsyncClient, processes: Any, database_url: str
) -> None:
    for _ in range(2):
        await processes.worker(WORKER_CONCURRENCY="2")
    jobs = 60

    async def post() -> None:
        answer = await service.client.post("/jobs/sleep", json={"seconds": 0.2}, headers=LATER)
        assert answer.status_code == 202

    await service.worker.terminate()
    await operator.post("/queues/default/pause")
    await asyncio.gather(*(post() for _ in range(jobs // 2)))
    db = await asyncpg.connect(database_url)
    try:
        await operator.post("/queues/default/resume")
        assert await until(db, "select count(distinct worker) = 2 from dramatiq.queue where state = 'done'")
        await operator.post("/queues/default/pause")
        # A claim that had begun before the pause may still come to its end; what begins after it sees it.
        await claims_begun(db, await db.fetchval("select clock_timestamp()"))
        claimed = await db.fetchval("select count(*) from dramatiq.queue where attempts > 0")
        await asyncio.gather(*(post() for _ in range(jobs // 2)))
        ended = "select count(*) = $1 from dramatiq.queue where state = 'done'"
        assert await until(db, ended, claimed)
        for _ in range(3):
            await claims_begun(db, await db.fetchval("select clock_timestamp()"))
        states = await db.fetch("select state::text, count(*) from dramatiq.queue group by state")
        await operator.post("/queues/default/resume")
        assert await until(db, ended, jobs)
        repeated = await db.fetchval("select count(*) from dramatiq.queue where attempts <> 1")
    finally:
        await db.close()

    assert {row["state"]: row["count"] for row in states} == {"done": claimed, "queued": jobs - claimed}
    assert repeated == 0


async def claims_begun(db: asyncpg.Connection, since: datetime) -> None:
    """Waits until both workers have ended a claim that began after a time."""
    ended = """
        select count(*) = 2 from pg_stat_activity
        where datname = current_database() and application_name = 'sooner claim'
          and query like '%skip locked%'
          and query_start > $1 and state = 'idle'
    """
    assert await until(db, ended, since)


async def test_an_unknown_queue_is_not_paused(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/queues/nosuch/pause")

    assert answer.status_code == 404
    assert "nosuch" not in [item["name"] for item in (await operator.get("/queues")).json()["items"]]


async def test_queues_are_the_operators(service: Service) -> None:
    answers = [
        await service.client.get("/queues"),
        await service.client.post("/queues/default/pause"),
        await service.client.post("/queues/default/resume"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert answers[0].headers["Content-Type"] == "application/problem+json"


async def test_actors_tell_what_they_take_and_give(client: httpx.AsyncClient) -> None:
    answer = await client.get("/actors")

    assert answer.json()["next"] is None
    actors = {actor["name"]: actor for actor in answer.json()["items"]}
    assert {"echo", "fail", "sleep", "inventory_tests"} <= actors.keys()
    sleep = actors["sleep"]
    assert sleep["queue"] == "default"
    assert sleep["description"].startswith("Sleeps")
    assert sleep["parameters"]["required"] == ["seconds"]
    assert sleep["parameters"]["properties"]["seconds"]["maximum"] == 86400
    assert sleep["result"]["properties"] == {"slept": {"title": "Slept", "type": "number"}}
    assert actors["echo"]["parameters"]["additionalProperties"] is True
    assert sleep["schedule"] is None
    assert sleep["internal"] is False
    assert not {"remove_expired_jobs", "expire_credentials"} & actors.keys()


async def test_operators_see_what_schedules_run(operator: httpx.AsyncClient) -> None:
    actors = {actor["name"]: actor for actor in (await operator.get("/actors")).json()["items"]}

    schedule = actors["expire_credentials"]["schedule"]
    assert actors["expire_credentials"]["internal"] is True
    assert (schedule["cron"], schedule["timezone"]) == ("0 2 * * *", "UTC")
    assert datetime.fromisoformat(schedule["next_at"]).hour == 2
