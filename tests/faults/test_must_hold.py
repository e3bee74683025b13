"""What the foundation promised, whatever dies: real processes, real signals, a real server that goes and comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.jobs import final, post, processing, until

if TYPE_CHECKING:
    from sooner.local.postgres import Cluster
    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes


async def test_a_killed_workers_jobs_are_finished_by_another(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(), await api_key())
    dying = await processes.worker(LEASE_SECONDS="3")
    jobs = [await post(client, actor, seconds=3) for actor in ("sleep", "burn", "sleep")]
    for job in jobs:
        await processing(client, job["id"])

    await dying.kill()
    await processes.worker(LEASE_SECONDS="3")

    for job in jobs:
        ended = await final(client, job["id"])
        assert (ended["state"], ended["attempts"], ended["crashes"]) == ("done", 2, 1)


async def test_200_jobs_posted_at_once_all_end(service: Service) -> None:
    posts = [service.client.post("/jobs/echo", json={"number": number}) for number in range(200)]

    answers = await asyncio.gather(*posts)

    ended = [await final(service.client, answer.json()["id"]) for answer in answers]
    assert [job["result"] for job in ended] == [{"number": number} for number in range(200)]
    assert len({job["id"] for job in ended}) == 200


async def test_a_500_kb_result_comes_back_whole(service: Service) -> None:
    text = "".join(chr(0x20 + number % 90) for number in range(250_000)) + "ä" * 125_000

    waited = await service.client.post("/jobs/echo", json={"text": text}, headers={"Prefer": "wait=20"})

    assert waited.status_code == 200
    assert waited.json()["result"] == {"text": text}
    read = await service.client.get(f"/jobs/{waited.json()['id']}")
    assert read.json()["result"] == {"text": text}


class TestDatabaseAway:
    """A server of its own, stopped and started under web and worker."""

    @pytest.fixture
    def database_url(self, cluster_url: str) -> str:
        return cluster_url

    async def test_web_says_so_and_recovers_by_itself(self, service: Service, cluster: Cluster) -> None:
        running = await post(service.client, "sleep", seconds=3)
        await processing(service.client, running["id"])
        await asyncio.to_thread(cluster.stop, immediate=True)

        refused = [
            await service.client.post("/jobs/echo", json={}),
            await service.client.get(f"/jobs/{running['id']}"),
            await service.client.get("/readyz"),
        ]
        alive = await service.client.get("/livez")

        for answer in refused:
            assert answer.status_code == 503, answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert int(answer.headers["Retry-After"]) >= 1
        assert alive.status_code == 200
        await asyncio.to_thread(cluster.start)
        await service.web.ready()
        echoed = await post(service.client, "echo", prefer="wait=20", back="again")
        assert echoed["result"] == {"back": "again"}
        ended = await until(service.client, running["id"], lambda job: job["finished_at"] is not None)
        assert ended["state"] == "done"
        assert service.worker.running()
        assert service.web.running()
