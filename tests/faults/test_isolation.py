"""A job that kills its worker, or eats its memory, ends alone."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from sooner.local.procfile import read_procfile
from sooner.local.supervised_process import SupervisedProcess as Keeper
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import final, post, processing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Connect, MakeKey
    from tests.support.jobs import Document
    from tests.support.processes import Processes, Web

pytestmark = pytest.mark.slow

ACTORS = "tests.support.actors"
WORKER = read_procfile(ROOT / "Procfile")["worker"].replace("src.actors", ACTORS)


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
async def killed_beyond(most: int) -> AsyncIterator[list[int]]:
    """Kills whatever process of this test's takes more than so many bytes, as a kernel does in a small container.

    Yields the process ids of those killed, as they come.
    """
    killed: list[int] = []

    async def watch() -> None:
        while True:
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.pid not in killed and process.memory_info().rss > most:
                        process.kill()
                        killed.append(process.pid)
            await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    yield killed
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


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
    async with kept_running(WORKER, processes, LEASE_SECONDS="2"), answering(web):
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
async def test_memory_that_python_is_refused_ends_that_job_alone(
    hog: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    async with kept_running(f"ulimit -v {3 << 20}; {WORKER}", processes, LEASE_SECONDS="2"), answering(web):
        beside = [await post(client, actor, seconds=3) for actor in ("sleep", "burn")]
        for job in beside:
            await processing(client, job["id"])

        await lost_alone(client, await post(client, hog), beside)


async def test_memory_that_costs_the_worker_its_life_ends_that_job_alone(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    async with (
        kept_running(WORKER, processes, LEASE_SECONDS="2"),
        killed_beyond(500 << 20) as killed,
        answering(web),
    ):
        beside = [await post(client, actor, seconds=3) for actor in ("sleep", "burn")]
        for job in beside:
            await processing(client, job["id"])

        await lost_alone(client, await post(client, "swell"), beside)
    assert len(killed) == 3


async def lost_alone(client: httpx.AsyncClient, job: Document, beside: list[Document]) -> None:
    """Asserts that the job ends by its third crash, and nothing else by it."""
    ended = await final(client, job["id"], timeout=120)
    assert (ended["state"], ended["attempts"], ended["crashes"]) == ("error", 3, 3)
    assert ended["error"]["type"] == "worker-lost"
    assert "memory" in ended["error"]["detail"]
    for other in beside:
        assert (await final(client, other["id"], timeout=120))["state"] == "done"
    assert (await post(client, "echo", prefer="wait=20", well=1))["result"] == {"well": 1}
