"""What workers at full load, under a limit of processor time, cost the answers of web."""

import os
import time
from typing import Any

import httpx

from tests.benchmarks import quota
from tests.benchmarks.bench import RUNS, Bench, Load, median_load, processor_seconds

WORKERS = 2
THREADS = 8
#: Longer than the benchmark.
GRINDING_SECONDS = 600
LATER = {"Prefer": "respond-async"}


async def measure(bench: Bench, row: Any) -> None:
    """A document and a synchronous echo by one client, idle and beside grinding workers; the limit is half of the processors."""
    web, worker = (
        await bench.processes.web(module="tests.benchmarks.grinding"),
        await bench.processes.worker(),
    )
    client = httpx.AsyncClient(
        base_url=web.url, headers={"Authorization": f"Bearer {bench.key}"}, trust_env=False
    )
    async with client:
        id = (await client.post("/jobs/echo", json={})).json()["id"]
        document, echo = f"{web.url}/jobs/{id}", f"{web.url}/jobs/echo"
        await bench.load(echo, 4)
        idle = await _both(bench, document, echo)
        heavy = [
            await bench.processes.worker(module="tests.benchmarks.grinding --queues heavy")
            for _ in range(WORKERS)
        ]
        processors = (os.cpu_count() or 2) / 2
        members = [member for process in heavy for member in process.tree()]
        with quota.limited(processors, [member.pid for member in members]) as means:
            for _ in range(WORKERS * THREADS):
                answer = await client.post("/jobs/grind", json={"seconds": GRINDING_SECONDS}, headers=LATER)
                answer.raise_for_status()
            began, spent = time.monotonic(), processor_seconds(members)
            busy = await _both(bench, document, echo)
            used = (processor_seconds(members) - spent) / (time.monotonic() - began)
        note = f"{WORKERS} workers use {used:.2f} of {processors:g} allowed processors ({means})"
        for name, before, after in zip(("GET /jobs/{id}", "synchronous echo"), idle, busy, strict=True):
            row(f"{name}, idle", before.rate, before.p50, before.p99)
            ratio = after.p99 / before.p99
            row(f"{name}, beside", after.rate, after.p50, after.p99, f"p99 = {ratio:.2f} x idle; {note}")
    for process in (*heavy, worker):
        await process.kill()
    await web.terminate()


async def _both(bench: Bench, document: str, echo: str) -> tuple[Load, Load]:
    reads = [await bench.load_once(document, 1, method="GET", body="") for _ in range(RUNS)]
    return median_load(reads), await bench.load(echo, 1)
