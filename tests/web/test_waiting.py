"""Waiting for a job in the exchange that asked for it."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

if TYPE_CHECKING:
    from uuid import UUID

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes

ACTORS = "tests.support.actors"


async def jobs(database_url: str) -> list[UUID]:
    """The ids of all jobs there are."""
    connection = await asyncpg.connect(database_url)
    try:
        return [row["message_id"] for row in await connection.fetch("select message_id from dramatiq.queue")]
    finally:
        await connection.close()


async def until(client: httpx.AsyncClient, address: str, state: str) -> dict[str, Any]:
    """The document once the job is in that state; every answer on the way is one that waits."""
    tag = None
    async with asyncio.timeout(30):
        while True:
            headers = {"Prefer": "wait=20", **({"If-None-Match": tag} if tag else {})}
            answer = await client.get(address, headers=headers)
            tag = answer.headers["etag"]
            if answer.status_code == 200 and answer.json()["state"] == state:
                document: dict[str, Any] = answer.json()
                return document


async def test_a_job_that_ends_within_the_wait_is_answered_200(client: httpx.AsyncClient) -> None:
    answer = await client.post("/jobs/echo", json={"a": 1})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=3"
    assert answer.headers["x-request-id"]
    assert (answer.json()["state"], answer.json()["result"]) == ("done", {"a": 1})


async def test_a_job_that_does_not_is_answered_202_and_found_where_the_answer_says(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.json()["state"] == "processing"
    assert answer.headers["location"] == answer.json()["urls"]["self"]
    anyone = await client.get(answer.headers["location"], headers={"Authorization": ""})
    assert anyone.json()["id"] == answer.json()["id"]


async def test_respond_async_is_answered_at_once(client: httpx.AsyncClient) -> None:
    for wish in ("respond-async", "wait=0", "respond-async, wait=0"):
        answer = await client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": wish})
        assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")


async def test_respond_async_with_a_wait_waits_first(client: httpx.AsyncClient) -> None:
    answer = await client.post("/jobs/echo", json={}, headers={"Prefer": "respond-async, wait=10"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=10")


async def test_the_wait_is_capped(processes: Processes, api_key: MakeKey, connect: Connect) -> None:
    web = await processes.web(SYNC_WAIT_SECONDS="0.5", SYNC_WAIT_MAX_SECONDS="1")
    client = connect(web, await api_key())
    capped = await client.post("/jobs/echo", json={}, headers={"Prefer": "wait=1000000000000"})
    assert (capped.status_code, capped.headers["preference-applied"]) == (202, "wait=1")
    default = await client.post("/jobs/echo", json={}, headers={"Prefer": "wait=soon"})
    assert (default.status_code, default.headers["preference-applied"]) == (202, "wait=0.5")


async def test_a_job_postponed_beyond_the_wait_is_answered_202_at_once(client: httpx.AsyncClient) -> None:
    answer = await client.post("/jobs/echo?delay=100", json={}, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "respond-async")
    document = answer.json()
    assert (document["state"], document["started_at"]) == ("waiting", None)
    assert document["run_at"] > document["created_at"]
    assert (await client.get(document["urls"]["self"])).json()["run_at"] == document["run_at"]


async def test_a_job_postponed_to_within_the_wait_is_waited_for(client: httpx.AsyncClient) -> None:
    answer = await client.post("/jobs/echo?delay=0.3", json={}, headers={"Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert answer.json()["started_at"] >= answer.json()["run_at"]


async def test_a_time_in_the_past_means_now(client: httpx.AsyncClient) -> None:
    for when in (
        "delay=0",
        "run_at=2001-01-31T12:00:00Z",
        "run_at=0001-01-01T00:00:00%2B23:59",
        "run_at=2016-12-31T23:59:60Z",
    ):
        answer = await client.post(f"/jobs/echo?{when}", json={})
        assert (answer.status_code, answer.json()["run_at"]) == (200, None), when


async def test_a_long_poll_tells_of_the_beginning_the_progress_and_the_end(service: Service) -> None:
    client = service.client
    posted = await client.post(
        "/jobs/sleep?delay=0.5", json={"seconds": 3, "steps": 2}, headers={"Prefer": "wait=0"}
    )
    address, seen = posted.json()["urls"]["self"], [(posted.json()["state"], None)]
    tag = posted.headers["etag"]
    while seen[-1][0] != "done":
        answer = await client.get(address, headers={"Prefer": "wait=20", "If-None-Match": tag})
        assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=20")
        document, tag = answer.json(), answer.headers["etag"]
        seen.append((document["state"], document["progress"] and document["progress"]["fraction"]))
    assert seen[:3] == [("waiting", None), ("processing", None), ("processing", 0.5)]
    assert seen[-1][1] == 1.0


async def test_a_long_poll_without_news_ends_with_the_wait(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo?delay=1000", json={}, headers={"Prefer": "respond-async"})
    address, tag = posted.json()["urls"]["self"], posted.headers["etag"]
    known = await client.get(address, headers={"Prefer": "wait=1", "If-None-Match": f'"x", W/{tag}'})
    assert (known.status_code, known.content, known.headers["preference-applied"]) == (304, b"", "wait=1")
    assert known.headers["etag"] == tag
    unknown = await client.get(address, headers={"Prefer": "wait=1"})
    assert (unknown.status_code, unknown.json()["state"]) == (200, "waiting")


async def test_a_long_poll_that_knows_something_older_is_answered_at_once(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo?delay=1000", json={}, headers={"Prefer": "respond-async"})
    answer = await client.get(
        posted.json()["urls"]["self"], headers={"Prefer": "wait=25", "If-None-Match": '"0-older"'}, timeout=10
    )
    assert answer.status_code == 200


async def test_a_final_job_is_not_waited_for(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo", json={})
    address, tag = posted.json()["urls"]["self"], posted.headers["etag"]
    headers = {"Prefer": "wait=25"}
    assert (await client.get(address, headers=headers, timeout=10)).status_code == 200
    same = await client.get(address, headers={**headers, "If-None-Match": tag}, timeout=10)
    assert same.status_code == 304


async def test_an_unfit_tag_is_ignored(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo", json={})
    tag = posted.headers["etag"].strip('"')
    answer = await client.get(posted.json()["urls"]["self"], headers={"If-None-Match": tag})
    assert answer.status_code == 200


async def test_cancel_after_cancels_a_waiting_job_though_no_worker_runs(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    client = connect(await processes.web(), await api_key())
    answer = await client.post("/jobs/echo", json={}, headers={"Cancel-After": "1", "Prefer": "wait=20"})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_cancel_after_stops_a_job_that_runs(client: httpx.AsyncClient) -> None:
    headers = {"Cancel-After": "0.5", "Prefer": "wait=20"}
    answer = await client.post("/jobs/sleep", json={"seconds": 1000}, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")


async def test_cancel_after_ends_the_job_of_a_worker_that_is_dead(service: Service) -> None:
    headers = {"Cancel-After": "3", "Prefer": "wait=1"}
    posted = await service.client.post("/jobs/sleep", json={"seconds": 1000}, headers=headers)
    assert posted.json()["state"] == "processing"
    await service.worker.kill()
    ended = await until(service.client, posted.json()["urls"]["self"], "cancelled")
    assert ended["finished_at"]


async def test_an_unfit_cancel_after_is_refused(client: httpx.AsyncClient, database_url: str) -> None:
    for value in ("-1", "soon", "", "1e3", "99999999999", "1,2"):
        answer = await client.post("/jobs/echo", json={}, headers={"Cancel-After": value})
        assert answer.status_code == 422, value
        assert "Cancel-After" in answer.json()["detail"]
    twice = [("Cancel-After", "5"), ("Cancel-After", "x")]
    assert (await client.post("/jobs/echo", json={}, headers=twice)).status_code == 422
    assert await jobs(database_url) == []


UNFIT = (
    *("delay=-1", "delay=soon", "delay=", "delay=1&run_at=2030-01-31T12:00:00Z", "delay=%D9%A3"),
    *("run_at=tomorrow", "run_at=2030-01-31", "run_at=2030-02-31T12:00:00Z", "run_at=2030-01-31T12:00:00"),
    *("run_at=9999-12-31T23:59:59-23:59", "delay=1e400", "priority=urgent", "priority="),
)


async def test_an_unfit_when_is_refused(client: httpx.AsyncClient, database_url: str) -> None:
    for query in UNFIT:
        answer = await client.post(f"/jobs/echo?{query}", json={})
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["pointer"].removeprefix("#/") in query
    assert await jobs(database_url) == []


async def test_a_client_that_hangs_up_does_not_cancel_its_job(service: Service, database_url: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await service.client.post("/jobs/sleep", json={"seconds": 2}, timeout=1)
    [id] = await jobs(database_url)
    assert (await until(service.client, f"/jobs/{id}", "done"))["result"] == {"slept": 2}


class TestOnDisconnect:
    """What becomes of a job whose client hung up is the actor's to say."""

    @pytest.fixture
    async def client(self, processes: Processes, api_key: MakeKey, connect: Connect) -> httpx.AsyncClient:
        web, key = await processes.web(module=ACTORS), await api_key()
        await processes.worker(module=ACTORS)
        return connect(web, key)

    async def abandoned(
        self, client: httpx.AsyncClient, database_url: str, actor: str, query: str = ""
    ) -> str:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(
                f"/jobs/{actor}{query}", json={"seconds": 4}, headers={"Prefer": "wait=20"}, timeout=1.5
            )
        [id] = await jobs(database_url)
        return f"/jobs/{id}"

    async def test_a_running_job_is_cancelled(self, client: httpx.AsyncClient, database_url: str) -> None:
        await until(client, await self.abandoned(client, database_url, "cancelled_with_client"), "cancelled")

    async def test_a_waiting_job_is_cancelled(self, client: httpx.AsyncClient, database_url: str) -> None:
        await until(
            client, await self.abandoned(client, database_url, "begun_is_finished", "?delay=15"), "cancelled"
        )

    async def test_a_running_job_goes_on(self, client: httpx.AsyncClient, database_url: str) -> None:
        await until(client, await self.abandoned(client, database_url, "begun_is_finished"), "done")

    async def test_a_job_with_another_watcher_goes_on(self, client: httpx.AsyncClient) -> None:
        headers = {"Prefer": "wait=1"}
        posted = await client.post("/jobs/cancelled_with_client", json={"seconds": 3}, headers=headers)
        assert (await until(client, posted.json()["urls"]["self"], "done"))["result"] is None


async def test_sigterm_gives_those_who_wait_their_202(service: Service, database_url: str) -> None:
    client = service.client
    posting = [
        asyncio.create_task(client.post("/jobs/sleep", json={"seconds": 1000}, headers={"Prefer": "wait=25"}))
        for _ in range(5)
    ]
    while len(await jobs(database_url)) < 5:
        pass
    service.web.send(signal.SIGTERM)
    answers = await asyncio.gather(*posting)
    assert [answer.status_code for answer in answers] == [202] * 5
    assert await service.web.exit() in (0, -signal.SIGTERM)
