"""A deployment changes how actors are declared while their jobs wait: the jobs run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.jobs import fetch, final, post

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes


FORMER, CHANGED = "tests.support.former", "tests.support.changed"
ACTORS = [
    "to_async",
    "to_thread",
    "to_unlimited",
    "to_wider",
    "to_unrated",
    "to_limited",
    "to_rated",
    "to_other_queue",
]

TOGETHER = """
select max(together) from (
  select count(*) as together from dramatiq.queue as one join dramatiq.queue as other
  on other.started_at <= one.started_at and other.finished_at > one.started_at
  where one.actor = 'to_limited' and other.actor = 'to_limited' group by one.message_id
) as each
"""


@pytest.fixture
async def client(processes: Processes, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of the former deployment's web process."""
    return connect(await processes.web(module=FORMER), await api_key())


async def test_jobs_run_whatever_became_of_their_actors_declaration(
    client: httpx.AsyncClient, processes: Processes, database_url: str
) -> None:
    former = await processes.worker(module=FORMER)
    failed = [await post(client, actor, prefer="wait=20", former=True) for actor in ACTORS]
    await former.terminate()
    waiting = [await post(client, actor) for actor in ACTORS for _ in range(3)]
    postponed = [(await client.post(f"/jobs/{actor}?delay=3", json={})).json() for actor in ACTORS]
    for job in failed:
        assert (await client.post(f"/jobs/{job['id']}/retry")).status_code == 202

    await processes.worker(module=CHANGED)

    ended = [await final(client, job["id"]) for job in (*failed, *waiting, *postponed)]
    assert {job["state"] for job in failed} == {"error"}
    assert {job["state"] for job in ended} == {"done"}
    assert {job["queue"] for job in ended if job["actor"] == "to_other_queue"} == {"exports"}
    [row] = await fetch(database_url, TOGETHER)
    assert row[0] == 1
    [limit] = await fetch(
        database_url, "select most from sooner.\"limit\" where starts_with(key, 'to_wider')"
    )
    assert limit["most"] == 5


async def test_workers_of_the_former_deployment_keep_their_jobs(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    former = await processes.worker(module=FORMER)
    changed = await processes.worker(module=CHANGED)

    ended = [await final(client, (await post(client, actor))["id"]) for actor in ACTORS]
    await former.terminate()
    ended += [await final(client, (await post(client, actor))["id"]) for actor in ACTORS]

    assert {job["state"] for job in ended} == {"done"}
    assert not [line for line in former.lines if "brought to where" in line]
    assert [line for line in changed.lines if "brought to where" in line]


async def test_a_worker_brings_nothing_to_a_queue_that_it_does_not_serve(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    await processes.worker(module=f"{CHANGED} --queues default")
    job, other = await post(client, "to_other_queue"), await post(client, "to_async", prefer="wait=20")
    left = (await client.get(f"/jobs/{job['id']}")).json()
    await processes.worker(module=f"{CHANGED} --queues exports")

    ended = await final(client, job["id"])

    assert other["state"] == "done"
    assert (left["state"], left["queue"]) == ("waiting", "reports")
    assert (ended["state"], ended["queue"]) == ("done", "exports")


async def test_a_job_whose_actor_was_removed_ends_in_the_end(
    client: httpx.AsyncClient, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    job = await post(client, "removed")
    worker = await processes.worker(module=CHANGED, STRANDED_MINUTES="0.05")

    ended = await final(client, job["id"])

    assert (ended["state"], ended["error"]["type"]) == ("error", "no-such-actor")
    assert "'removed' for 0.05 minutes" in ended["error"]["detail"]
    await worker.line("jobs ended whose actor no worker knows")
