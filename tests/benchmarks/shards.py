"""Three shards on one machine, each a server of its own, beside one: backlogs, and bare lifecycles, which cost PostgreSQL alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from statistics import median
from typing import Any

import asyncpg
import psutil

from tests.benchmarks import floor
from tests.benchmarks.bench import SECONDS, Bench, bench, in_turn

SHARDS = 3
JOBS = 30_000
CLIENTS = 18


async def measure(one: Bench, row: Any) -> None:
    """The same work on one database and on three."""
    async with AsyncExitStack() as stack:
        several = [one, *[await stack.enter_async_context(bench()) for _ in range(SHARDS - 1)]]
        for each in several[1:]:
            connection = await asyncpg.connect(each.url)
            await connection.execute(floor.TABLE)
            await connection.close()
        await compare(row, "bare lifecycles", lifecycles, several)
        await compare(row, f"drain of {JOBS:,}, {SHARDS} workers", drained, several)


async def compare(
    row: Any, name: str, work: Callable[[Sequence[Bench]], Awaitable[float]], several: Sequence[Bench]
) -> None:
    """A line for one database, and one for all of them."""
    runs = await in_turn(lambda: work(several[:1]), lambda: work(several))
    row(f"{name}: one database", median(low for low, _ in runs))
    ratio = median(high / low for low, high in runs)
    many = median(high for _, high in runs)
    row(f"{name}: {len(several)} shards", many, note=f"{ratio:.2f} x one, on {psutil.cpu_count()} processors")


async def drained(benches: Sequence[Bench]) -> float:
    """Jobs a second of as many workers as there are shards, spread over the databases."""
    per, workers = JOBS // len(benches), SHARDS // len(benches)
    async with AsyncExitStack() as stack:
        ready = [await stack.enter_async_context(each.backlog(per, workers)) for each in benches]
        began = time.perf_counter()
        await asyncio.gather(*(drain() for drain in ready))
        return JOBS / (time.perf_counter() - began)


async def lifecycles(benches: Sequence[Bench]) -> float:
    """Lifecycles a second of as many clients, spread over the databases."""
    clients = CLIENTS // len(benches)
    runs = await asyncio.gather(
        *(
            asyncio.to_thread(floor.lifecycle, each.url, clients, SECONDS, each.cluster.home)
            for each in benches
        )
    )
    return sum(run.rate for run in runs)
