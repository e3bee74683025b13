"""Time: sessions in other zones, and jobs that are due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.faults.database import execute

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey, Service
    from tests.faults.conftest import Scene
    from tests.support.processes import Processes

POSTPONED = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, run_at, due_at, expires_at)
select gen_random_uuid(), 'default', 'default', 'echo', jsonb_build_object('queue_name', 'default',
  'actor_name', 'echo', 'args', '[]'::jsonb, 'kwargs', '{}'::jsonb, 'options', '{}'::jsonb, 'message_id', '',
  'message_timestamp', 0), 'acme', now() + interval '1 hour', now() + interval '1 hour', now() + interval '1 day'
from generate_series(1, 5000)
"""


@pytest.mark.slow
async def test_sessions_in_another_time_zone(scene: Scene, connect: Connect, api_key: MakeKey) -> None:
    name = scene.url.rpartition("/")[2]
    for setting in (
        "timezone = 'Pacific/Kiritimati'",
        "datestyle = 'German'",
        "intervalstyle = 'sql_standard'",
    ):
        await execute(scene.url, f"alter database {name} set {setting}")
    async with scene.run() as run:
        client = connect(run.web, await api_key())
        here = timezone(timedelta(hours=-9, minutes=-30))
        soon = (datetime.now(here) + timedelta(seconds=2)).isoformat()
        posts = [
            client.post("/jobs/echo", json={}, params=when) for when in ({"delay": "2"}, {"run_at": soon})
        ]
        for answer in await asyncio.gather(*posts):
            job = await finished(client, answer)
            assert abs(at(job["created_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
            assert timedelta(0) < at(job["run_at"]) - at(job["created_at"]) < timedelta(seconds=3)
            assert timedelta(0) <= at(job["started_at"]) - at(job["run_at"]) < timedelta(seconds=10)
        await run.load.more(50)
    run.verdict.require()


@pytest.mark.slow
async def test_a_job_due_in_5_seconds_runs_on_time_beside_5000_due_in_an_hour(
    processes: Processes, service: Service, database_url: str
) -> None:
    await execute(database_url, POSTPONED)
    await execute(database_url, 'notify "sooner.postponed"')
    answer = await service.client.post("/jobs/echo?delay=5", json={})
    assert answer.status_code == 202
    job = await finished(service.client, answer)
    assert timedelta(0) <= at(job["started_at"]) - at(job["run_at"]) < timedelta(seconds=3)


async def finished(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, str]:
    """The final document of a job just posted."""
    job: dict[str, str] = answer.json()
    while job["finished_at"] is None:
        answer = await client.get(
            f"/jobs/{job['id']}", headers={"Prefer": "wait=20", "If-None-Match": answer.headers["etag"]}
        )
        job = answer.json()
    assert job["state"] == "done", job
    return job


def at(text: str) -> datetime:
    """A time of a document, which says that it is UTC."""
    assert text.endswith("Z")
    return datetime.fromisoformat(text)
