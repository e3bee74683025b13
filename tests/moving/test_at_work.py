"""A tenant moves while it works: no job is lost, none runs twice, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import os
import random
import sys
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.jobs.moving.mover import Mover
from sooner.queue.ids import uuid7
from tests.conftest import process_settings
from tests.faults.workers import ACTORS
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.keys import create_key
from tests.support.processes import Processes
from tests.support.rows import until
from tests.support.shards import several

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    import httpx

    from tests.conftest import Connect
    from tests.moving.conftest import Place
    from tests.support.processes import Process, Web

Urls = dict[str, str]

SUBMIT = """select sooner.submit('mark', jsonb_build_object('seconds', $2::float, 'n', $3::int), tenant => $1, id => $4,
  delay => $5)"""
WHERE = "select shard from sooner_directory.tenant where tenant = $1"
FINAL = "select message_id, state::text from dramatiq.queue where tenant = $1"


@pytest.fixture
def settings(urls: Urls, secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    return process_settings(urls["a"], secret_keys)


class Submitter:
    """Submits jobs where the directory says that their tenant is, and notes each that was taken."""

    def __init__(self, urls: Urls, tenant: str) -> None:
        self._urls = urls
        self._tenant = tenant
        self.accepted: list[UUID] = []
        self.refusals = 0

    async def run(self) -> None:
        """Submit until cancelled."""
        async with contextlib.AsyncExitStack() as stack:
            connections = {}
            for shard, url in self._urls.items():
                connections[shard] = await asyncpg.connect(url)
                stack.push_async_callback(connections[shard].close)
            while True:
                await asyncio.shield(self._one(connections))
                await asyncio.sleep(0.005)

    async def _one(self, connections: dict[str, asyncpg.Connection]) -> None:
        id = uuid7()
        delay = random.choice([None, None, None, 0.3])
        values = (random.choice([0, 0.01, 0.3]), len(self.accepted), id, delay)
        while True:
            shard = await connections["home"].fetchval(WHERE, self._tenant)
            try:
                await connections[shard].fetchval(SUBMIT, self._tenant, *values)
            except asyncpg.ObjectInUseError:
                self.refusals += 1
                await asyncio.sleep(0.01)
            else:
                self.accepted.append(id)
                return


async def drive(urls: Urls, tenant: str, to: str, *, most_seconds: float | None) -> bool:
    """Runs the mover in a process of its own, killed after some time; whether it came to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.moving.drive", tenant, to, cwd=ROOT, env=environment({"DATABASE_URLS": several(urls)})
    )  # fmt: skip
    try:
        async with asyncio.timeout(most_seconds):
            return await process.wait() == 0
    except TimeoutError:
        process.kill()
        await process.wait()
        return False


@pytest.mark.parametrize(
    ("moves", "killed"),
    [pytest.param(2, False, id="quietly"), pytest.param(12, True, id="killed", marks=pytest.mark.slow)],
)
async def test_nothing_is_lost_and_nothing_runs_twice(
    urls: Urls, place: Place, processes: Processes, tmp_path: Path, moves: int, killed: bool
) -> None:
    effects = tmp_path / "effects"
    effects.touch()
    effects.chmod(0o666)
    for shard in ("a", "b"):
        await processes.worker(
            module=ACTORS, DATABASE_URL=urls[shard], EFFECTS=os.fspath(effects), WORKER_THREADS="2"
        )
    tenants = ("acme", "initech")
    submitters = [Submitter(urls, tenant) for tenant in tenants]
    for tenant in tenants:
        await place(tenant, "a")
    submitting = [asyncio.create_task(submitter.run()) for submitter in submitters]

    async def move_often(tenant: str) -> None:
        to = "b"
        for _ in range(moves):
            await asyncio.sleep(random.uniform(0, 0.5))
            most = random.uniform(0.3, 2.5) if killed else None
            if await drive(urls, tenant, to, most_seconds=most) or random.random() < 0.5:
                to = "a" if to == "b" else "b"
        await Mover(urls, "home", tenant, settle_seconds=0.2).move("b")

    await asyncio.gather(*(move_often(tenant) for tenant in tenants))
    for task in submitting:
        task.cancel()
    await asyncio.gather(*submitting, return_exceptions=True)
    for submitter, tenant in zip(submitters, tenants, strict=True):
        await _judge(urls, tenant, submitter, effects.read_text)
    assert all(submitter.accepted for submitter in submitters)


async def _judge(urls: Urls, tenant: str, submitter: Submitter, effects: object) -> None:
    b, a = await asyncpg.connect(urls["b"]), await asyncpg.connect(urls["a"])
    assert callable(effects)
    try:
        await until(
            b,
            "select not exists (select from dramatiq.queue where tenant = $1 and state in ('queued', 'consumed'))",
            tenant,
            timeout=60,
        )
        ends = {row["message_id"]: row["state"] for row in await b.fetch(FINAL, tenant)}
        left = await a.fetch(FINAL, tenant)
    finally:
        await a.close()
        await b.close()
    counted = collections.Counter(line.split()[0] for line in effects().splitlines())
    lost = [id for id in submitter.accepted if id not in ends]
    changed = [id for id in submitter.accepted if ends.get(id, "done") != "done"]
    twice = [id for id in submitter.accepted if counted[str(id)] > 1]
    never = [id for id in submitter.accepted if counted[str(id)] == 0]
    assert (lost, changed, twice, never, left) == ([], [], [], [], []), json.dumps(len(submitter.accepted))


class Client:
    """Submits and reads a tenant's jobs over HTTP; a 503 is tried again, as its Retry-After says."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.accepted: list[str] = []
        self.wrong: list[str] = []

    async def submit(self) -> None:
        """Submit until cancelled."""
        while True:
            body = {"n": len(self.accepted)}
            answer = await self.client.post("/jobs/echo", json=body, headers={"Prefer": "respond-async"})
            if answer.status_code in (200, 202):
                self.accepted.append(answer.json()["id"])
            elif answer.status_code != 503:
                self.wrong.append(f"POST {answer.status_code} {answer.text}")
            await asyncio.sleep(0.02)

    async def read(self) -> None:
        """Read any of the jobs until cancelled: none is ever unknown."""
        while True:
            if self.accepted:
                id = random.choice(self.accepted)
                answer = await self.client.get(f"/jobs/{id}")
                if answer.status_code not in (200, 503):
                    self.wrong.append(f"GET {answer.status_code} {answer.text}")
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("deploys", [False, True], ids=["quietly", "deployed"])
async def test_over_http_no_job_is_lost_or_unknown(
    urls: Urls, place: Place, processes: Processes, connect: Connect, deploys: bool
) -> None:
    async def started() -> tuple[Web, list[Process]]:
        web = await processes.web(DATABASE_URL=None, DATABASE_URLS=several(urls), HOME_SHARD="home")
        return web, [await processes.worker(DATABASE_URL=urls[shard]) for shard in ("a", "b")]

    await place("acme", "a")
    key = await create_key(urls["a"], "acme")
    web, workers = await started()
    client = Client(connect(web, key))
    tasks = [asyncio.create_task(work) for work in (client.submit(), client.read())]
    for to in ("b", "a", "b"):
        await asyncio.sleep(0.5)
        moving = asyncio.create_task(Mover(urls, "home", "acme", settle_seconds=6).move(to))
        if deploys:
            old: list[Process] = [web, *workers]
            web, workers = await started()
            client.client = connect(web, key)
            for process in old:
                await process.terminate()
        await moving
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    b = await asyncpg.connect(urls["b"])
    try:
        await until(
            b, "select not exists (select from dramatiq.queue where tenant = 'acme' and state <> 'done')"
        )
        rows = await b.fetch(
            "select message_id::text, message->'kwargs'->'n' as n from dramatiq.queue where tenant = 'acme'"
        )
    finally:
        await b.close()
    found = {row["message_id"] for row in rows}
    assert [id for id in client.accepted if id not in found] == []
    assert client.wrong == []
    assert len(client.accepted) > 10
