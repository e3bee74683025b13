"""Answers that never came, and results that cannot be written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.faults.database import execute
from tests.faults.workers import ACTORS

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes

#: What a claim leaves whose connection was lost after its COMMIT.
CLAIMED = """
update dramatiq.queue set state = 'consumed', worker = (select id from sooner.worker), fence = fence + 1,
  attempts = attempts + 1, started_at = dramatiq.clock(), mtime = dramatiq.clock()
where state = 'queued'
"""


async def end_of(client: httpx.AsyncClient, answer: httpx.Response) -> dict[str, object]:
    """The final document of a job just posted."""
    job: dict[str, object] = answer.json()
    while job["finished_at"] is None:
        headers = {"Prefer": "wait=20", "If-None-Match": answer.headers["etag"]}
        answer = await client.get(f"/jobs/{job['id']}", headers=headers)
        job = answer.json() if answer.content else job
    return job


async def test_a_job_claimed_by_a_statement_whose_answer_was_lost_is_found_and_run(
    service: Service, database_url: str
) -> None:
    await execute(database_url, "insert into sooner.queue (name, paused) values ('default', true)")
    answer = await service.client.post("/jobs/echo", json={"a": 1}, headers={"Prefer": "respond-async"})
    await execute(database_url, CLAIMED)
    job = await end_of(service.client, answer)
    assert (job["state"], job["attempts"], job["crashes"]) == ("done", 1, 0)
    await service.worker.line("claimed unknowingly")


async def test_a_result_that_cannot_be_written_holds_up_no_other(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module="tests.faults.web")
    await processes.worker(module=ACTORS)
    client = connect(web, await api_key())
    names = ["lone_surrogate", "mark", "lone_surrogate", "mark_on_thread"]
    answers = await asyncio.gather(*(client.post(f"/jobs/{name}", json={}) for name in names))
    jobs = [await end_of(client, answer) for answer in answers]
    assert [job["state"] for job in jobs] == ["error", "done", "error", "done"]
    assert jobs[0]["error"]["type"] == "result-not-json"  # type: ignore[index]
