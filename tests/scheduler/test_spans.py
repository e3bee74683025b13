"""A tick begins a trace, which its job belongs to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.scheduler.conftest import TICK, come_to
from tests.support.collector import collecting

if TYPE_CHECKING:
    import asyncpg

    from tests.support.processes import Processes


async def test_a_tick_and_its_job_are_one_trace(processes: Processes, db: asyncpg.Connection) -> None:
    with collecting() as collector:
        await processes.worker(**collector.settings())
        scheduler = await processes.scheduler(**collector.settings(OTEL_BSP_SCHEDULE_DELAY="600000"))
        await come_to(db, TICK)
        await scheduler.line('"schedule": "remove_expired_jobs".*"tick fired"')
        [attempt] = await asyncio.to_thread(collector.spans, "process remove_expired_jobs")
        # What is left is sent at the end.
        assert await scheduler.terminate() == 0
        [tick] = await asyncio.to_thread(collector.spans, "fire remove_expired_jobs")

    assert (tick.service, tick.kind, tick.parent) == ("sooner-scheduler", "PRODUCER", "")
    assert (attempt.trace, attempt.parent) == (tick.trace, tick.id)
    assert tick.attributes == {
        "messaging.system": "sooner",
        "messaging.operation.type": "send",
        "messaging.operation.name": "fire",
        "messaging.destination.name": "default",
        "messaging.message.id": attempt.attributes["messaging.message.id"],
        "sooner.actor": "remove_expired_jobs",
        "sooner.schedule": "remove_expired_jobs",
        "sooner.tick": "2026-03-02T12:00:00Z",
    }
