"""A million jobs wait: the worker takes what it has room for, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.faults.database import execute

if TYPE_CHECKING:
    from tests.faults.conftest import Say
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

BACKLOG = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, expires_at)
select gen_random_uuid(), 'default', 'default', 'echo', '{"queue_name": "default", "actor_name": "echo", "args": [],
  "kwargs": {"some": "parameters"}, "options": {}, "message_id": "", "message_timestamp": 0}', 'acme',
  now() + interval '1 day'
from generate_series(1, 1000000)
"""
DONE = "select count(*) from dramatiq.queue where finished_at is not null"


async def test_a_worker_with_a_backlog_of_a_million_stays_small(
    processes: Processes, database_url: str, say: Say
) -> None:
    await execute(database_url, BACKLOG)
    worker = await processes.worker()
    largest = done = 0
    connection = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(120):
            while done < 20000:
                await asyncio.sleep(0.5)
                done = await connection.fetchval(DONE)
                largest = max(largest, sum(process.memory_info().rss for process in worker.tree()) >> 20)
    finally:
        await connection.close()
    say(f"done={done} worker with its master: {largest} MB")
    assert largest < 300
