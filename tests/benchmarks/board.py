"""What an operator waits for: each view of the dashboard, and GET /queues, beside a million waiting and a million finished."""

import asyncio
import os
import statistics
import time
from typing import Any

import asyncpg
import httpx

from tests.benchmarks.bench import Bench
from tests.benchmarks.scale import FINISHED, MILLION, WAITING
from tests.support.events import listening
from tests.support.keys import create_key

OPENINGS = 20
FILLED = "select exists (select from dramatiq.queue where queue_name = 'other')"
#: Each view's address, and the event without which it shows nothing.
VIEWS = {
    "overview": ("/dashboard/events", "board"),
    "new jobs": ("/dashboard/events?view=jobs", "jobs"),
    "new failed jobs": ("/dashboard/events?view=jobs&state=error", "jobs"),
    "one job": ("/dashboard/events?job={job}", "job"),
}
ANSWERS = {
    "all jobs": "/dashboard/jobs",
    "waiting jobs": "/dashboard/jobs?state=waiting",
    "failed jobs": "/dashboard/jobs?state=error",
    "charts, 6 hours": "/dashboard/history?of=6h",
    "GET /queues": "/queues",
}


async def measure(bench: Bench, row: Any) -> None:
    """The median and the longest of several openings of each view, in milliseconds."""
    await _fill(bench)
    web, worker = await bench.processes.web(), await bench.processes.worker()
    key = await create_key(bench.url, "ops", scopes=("admin",))
    async with httpx.AsyncClient(
        base_url=web.url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
    ) as client:
        job = (await client.get("/jobs?limit=1&state=done")).json()["items"][0]["id"]
        for name, (address, event) in VIEWS.items():
            report(row, f"dashboard: {name}", await open_often(client, address.format(job=job), event))
        for name, address in ANSWERS.items():
            report(row, f"dashboard: {name}", await open_often(client, address, None))
    await worker.terminate()
    await web.terminate()


async def _fill(bench: Bench) -> None:
    connection = await asyncpg.connect(bench.url, command_timeout=600)
    if not await connection.fetchval(FILLED):
        await connection.execute(WAITING, MILLION)
        await connection.execute(FINISHED, MILLION)
        await connection.execute("vacuum analyze dramatiq.queue")
    await connection.close()


def report(row: Any, name: str, times: list[float]) -> None:
    """One line for a view."""
    median = statistics.median(times)
    load = os.getloadavg()[0]
    row(name, 1000 / median, median, note=f"longest of {len(times)}: {max(times):.0f} ms; load {load:.1f}")


async def open_often(
    client: httpx.AsyncClient, address: str, event: str | None, openings: int = OPENINGS
) -> list[float]:
    """The milliseconds of several openings."""
    times = []
    for _ in range(openings):
        began = time.perf_counter()
        await _open(client, address, event)
        took = time.perf_counter() - began
        times.append(1000 * took)
        # Longer than what was seen last is shown to others, so that each opening looks anew.
        await asyncio.sleep(1 + 9 * took)
    return times


async def _open(client: httpx.AsyncClient, address: str, event: str | None) -> None:
    if event is None:
        (await client.get(address)).raise_for_status()
        return
    async with listening(client, address) as (_, events):
        async for told in events:
            if told.type == event:
                return
