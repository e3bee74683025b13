"""A job that kills its worker, or eats its memory, ends alone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
import pytest

from ops.local.procfile import read_procfile
from ops.local.services import Service as Keeper
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import final, post, processing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web

pytestmark = pytest.mark.slow

ACTORS = "tests.support.actors"


@contextlib.asynccontextmanager
async def kept_running(command: str, processes: Processes, **more: str) -> AsyncIterator[None]:
    """A worker that is started again when it dies, as under ops/run."""
    keeper = Keeper("worker", f"cd {ROOT}; {command}", environment({**processes.settings("worker"), **more}))
    keeping = asyncio.create_task(keeper.keep_running())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await keeper.end(grace=0)


@contextlib.asynccontextmanager
async def answering(web: Web) -> AsyncIterator[None]:
    """Asserts that web answers all along."""

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=web.url, trust_env=False) as client:
            while True:
                assert (await client.get("/readyz")).status_code == 200
                await asyncio.sleep(0.2)

    asking = asyncio.create_task(ask())
    yield
    assert not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_job_that_kills_its_workers_harms_no_other(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    client = connect(web, await api_key())
    command = read_procfile(ROOT / "Procfile")["worker"]
    async with kept_running(command, processes, LEASE_SECONDS="2"), answering(web):
        slow = [await post(client, actor, seconds=3) for actor in ("sleep", "burn", "sleep")]
        for job in slow:
            await processing(client, job["id"])

        crashing = await post(client, "crash")
        once = await post(client, "crash", times=1)

        ended = await final(client, crashing["id"], timeout=120)
        assert (ended["state"], ended["attempts"], ended["crashes"]) == ("error", 3, 3)
        assert ended["error"]["type"] == "worker-lost"
        for job in [*slow, once]:
            beside = await final(client, job["id"], timeout=120)
            assert (beside["state"], beside["error"]) == ("done", None)
        assert (await post(client, "echo", prefer="wait=20", well=1))["result"] == {"well": 1}


@pytest.mark.parametrize("hog", ["hog", "hog_on_loop"])
async def test_memory_that_runs_out_ends_that_job_alone(
    hog: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    worker = read_procfile(ROOT / "Procfile")["worker"].replace("src.actors", ACTORS)
    limited = f"ulimit -v {3 << 20}; {worker}"
    async with kept_running(limited, processes, LEASE_SECONDS="2"), answering(web):
        beside = [await post(client, actor, seconds=3) for actor in ("sleep", "burn")]
        for job in beside:
            await processing(client, job["id"])

        ended = await post(client, hog, prefer="wait=20")

        assert (ended["state"], ended["crashes"]) == ("error", 0)
        assert ended["error"]["type"] == "out-of-memory"
        for job in beside:
            assert (await final(client, job["id"]))["state"] == "done"
        assert (await post(client, "echo", prefer="wait=20", well=1))["result"] == {"well": 1}
