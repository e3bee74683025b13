"""Whatever an actor raises, wherever it does: its job ends and no other's, and the worker works on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.jobs import Document, final, post, processing
from tests.support.raisers import KINDS

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Process, Processes

ACTORS = "tests.support.raisers"


@pytest.fixture
async def client(processes: Processes, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    return connect(await processes.web(module=ACTORS), await api_key())


async def ended(client: httpx.AsyncClient, actor: str, **params: object) -> Document:
    """The job, once it is final."""
    job = await post(client, actor, "wait=20", **params)
    return job if job["state"] != "processing" else await final(client, job["id"])


async def said(client: httpx.AsyncClient, actor: str, **params: object) -> str:
    return str((await ended(client, actor, **params))["state"])


async def test_every_exception_ends_its_job_and_is_told_by_its_type(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    worker = await processes.worker(module=ACTORS, WORKER_THREADS="2")
    places = [(actor, kind) for kind in KINDS for actor in ("end_on_loop", "end_on_thread")]
    jobs = await asyncio.gather(*(ended(client, actor, kind=kind) for actor, kind in places))
    told = {
        (actor, kind): (job["state"], (job["error"] or {}).get("type"))
        for (actor, kind), job in zip(places, jobs, strict=True)
    }
    assert told == {(actor, kind): ("error", KINDS[kind][1]) for actor, kind in places}
    # No thread of the worker's died of it, and none wrote past the log.
    assert await asyncio.gather(*(said(client, "burn", seconds=0) for _ in range(4))) == ["done"] * 4
    assert [line for line in worker.lines if not line.startswith("{")] == []


async def test_who_leaves_in_a_task_or_thread_of_its_own_ends_nothing_else(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    worker = await processes.worker(module=ACTORS)
    beside = await post(client, "sleep", "respond-async", seconds=2)
    await processing(client, beside["id"])
    for actor, type_ in (
        ("leave_in_group", "SystemExit"),
        ("interrupt_in_gather", "KeyboardInterrupt"),
        ("leave_unawaited", "SystemExit"),
        ("leave_caught", "SystemExit"),
    ):
        job = await ended(client, actor)
        assert (job["state"], job["error"]["type"]) == ("error", type_)
    for actor in ("leave_in_callback", "stop_loop", "leave_in_thread"):
        assert (await ended(client, actor))["result"] == "went on"
    assert (await final(client, beside["id"]))["attempts"] == 1
    assert worker.running()


@pytest.mark.parametrize("actor", ["hold_up", "hold_up_in_task"])
async def test_who_holds_up_the_loop_is_named(
    actor: str, client: httpx.AsyncClient, processes: Processes
) -> None:
    worker = await processes.worker(module=ACTORS)
    job = await ended(client, actor, seconds=1.6)
    assert job["result"] == "let go"
    # On a busy machine its own beginning may have held up the loop, too.
    line = (await worker.line(rf'^(?=.*"event loop held up").*"job": "{job["id"]}".*'))[0]
    assert f'"actor": "{actor}"' in line
    assert "raisers.py" in line
    assert worker.running()


@pytest.mark.parametrize("actor", ["keep_lock_on_loop", "keep_lock_on_thread"])
async def test_who_lets_no_thread_run_is_named_afterwards(
    actor: str, client: httpx.AsyncClient, processes: Processes
) -> None:
    worker = await processes.worker(module=ACTORS)
    job = await ended(client, actor, seconds=2.5)
    assert job["result"] == "let go"
    line = (await worker.line(rf'^(?=.*"interpreter held up").*"job": "{job["id"]}".*'))[0]
    assert f'"actor": "{actor}"' in line
    assert "raisers.py" in line


async def test_a_worker_whose_loop_stands_still_beyond_its_lease_ends(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    worker: Process = await processes.worker(module=ACTORS, LEASE_SECONDS="2")
    job = await post(client, "hold_up", "respond-async", seconds=30)
    await worker.line('"event loop stands still"')
    assert await worker.exit() != 0
    other = await processes.worker(module=ACTORS, LEASE_SECONDS="2")
    # It is tried again like any job whose worker died, and named again.
    await other.line('"event loop held up"')
    seen = (await client.get(f"/jobs/{job['id']}")).json()
    assert (seen["attempts"], seen["crashes"]) == (2, 1)


async def test_a_job_that_goes_on_though_it_was_cancelled_tells_that_it_was_asked(
    client: httpx.AsyncClient, processes: Processes
) -> None:
    await processes.worker(module=ACTORS)
    job = await post(client, "go_on")
    assert "cancel_requested" not in await processing(client, job["id"])
    asked = await client.post(f"/jobs/{job['id']}/cancel")
    assert (asked.status_code, asked.json()["cancel_requested"]) == (202, True)
    ended = await final(client, job["id"])
    assert (ended["state"], ended["result"], ended["cancel_requested"]) == ("done", "went on", True)
    [listed] = (await client.get("/jobs?actor=go_on")).json()["items"]
    assert listed["cancel_requested"] is True
