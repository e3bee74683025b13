"""Workers 0 to N by the query that the manifest gives KEDA, and with the manifest's own numbers."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import yaml

from tests.queue.bench import bench
from tests.support import ROOT

if TYPE_CHECKING:
    from tests.support.processes import Process, Processes

MANIFEST: dict[str, Any] = yaml.safe_load(
    (Path(ROOT) / "ops" / "kubernetes" / "overlays" / "keda" / "scaledobject.yaml").read_text()
)
TRIGGER: dict[str, str] = MANIFEST["spec"]["triggers"][0]["metadata"]
QUERY = TRIGGER["query"]
#: Workers that this machine can bear; the manifest allows more.
MOST = 3
#: Looks at the database in a row that find nothing, until the last worker goes.
COOL = 4
LOOK_SECONDS = 0.25
BURST = """
select count(sooner.submit('sleep', '{"seconds": 0.4}', tenant => 'acme', delay => case when n % 50 = 0 then 25.0 end))
from generate_series(1, 5000) as n
"""
LEFT = "select count(*) from dramatiq.queue where state in ('queued', 'consumed')"
LOST = "select count(*) from dramatiq.queue where state <> 'done' or attempts <> 1 or crashes > 0"


async def test_due_running_and_ripe_jobs_count_and_future_ones_do_not(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval(QUERY) == 0
        async with bench(database_url) as queue:
            await queue.add(delay=3600.0)
            assert await connection.fetchval(QUERY) == 0
            await queue.add()
            ripe = await queue.add(delay=3600.0)
            await connection.execute(
                "update dramatiq.queue set due_at = now() - interval '1 second' where message_id = $1", ripe
            )
            assert await connection.fetchval(QUERY) == 2
            await queue.claim(1)
            assert await connection.fetchval(QUERY) == 2
    finally:
        await connection.close()


@dataclass
class Scaler:
    """What KEDA and its HPA do with the manifest: more workers by the query, none fewer before all are idle."""

    processes: Processes
    connection: asyncpg.Connection[asyncpg.Record]
    workers: list[Process] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    idle: int = 0

    async def look(self) -> None:
        """One polling interval."""
        value = await self.connection.fetchval(QUERY)
        self.idle = 0 if value else self.idle + 1
        wanted = min(math.ceil(value / int(TRIGGER["targetQueryValue"])), MOST)
        starting = [self.processes.worker() for _ in range(wanted - len(self.workers))]
        self.workers += await asyncio.gather(*starting)
        if self.workers and self.idle >= COOL:
            await self.to_zero()
        self.counts.append(len(self.workers))

    async def to_zero(self) -> None:
        """All at once, as KEDA does when its trigger is inactive. Nothing runs on any."""
        codes = await asyncio.gather(*(worker.terminate() for worker in self.workers))
        assert codes == [0] * len(self.workers)
        self.workers.clear()


@pytest.mark.slow
async def test_a_burst_brings_workers_and_leaves_none(processes: Processes, database_url: str) -> None:
    """5,000 jobs, a fiftieth of them postponed beyond the rest: 0, N, 0, N, 0; each job runs once."""
    assert MANIFEST["spec"]["minReplicaCount"] == 0
    scale_down = MANIFEST["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert scale_down == {"selectPolicy": "Disabled"}, "else a busy worker may be chosen"
    first = await processes.worker()
    await first.terminate()
    connection = await asyncpg.connect(database_url)
    try:
        scaler = Scaler(processes, connection)
        await scaler.look()
        await connection.execute(BURST)
        async with asyncio.timeout(120):
            while await connection.fetchval(LEFT) or scaler.workers:
                await scaler.look()
                await asyncio.sleep(LOOK_SECONDS)

        assert await connection.fetchval(LOST) == 0
    finally:
        await connection.close()
    steps = [
        count for before, count in zip([-1, *scaler.counts], scaler.counts, strict=False) if count != before
    ]
    assert steps[0] == 0
    assert steps[-1] == 0
    assert max(steps) == MOST
    assert steps.count(0) == 3, f"{steps}: zero in between, while only postponed jobs were left"
