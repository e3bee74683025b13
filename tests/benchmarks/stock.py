"""Stock dramatiq-pg on the same server, in a database of its own."""

import asyncio
import time

import asyncpg
from dramatiq_pg import generate_init_sql

from tests.benchmarks.bench import Bench

FILL = """
insert into dramatiq.queue (message_id, queue_name, state, message)
select id, 'default', 'queued', jsonb_build_object('queue_name', 'default', 'actor_name', 'nothing', 'args', '[]'::jsonb,
  'kwargs', '{}'::jsonb, 'options', '{}'::jsonb, 'message_id', id::text, 'message_timestamp', 0)
from (select gen_random_uuid() as id from generate_series(1, $1)) as ids
"""


async def drain(bench: Bench, count: int, workers: int) -> float:
    """Jobs a second that stock workers of one process each take from a backlog."""
    url = bench.databases.url(bench.databases.empty())
    connection = await asyncpg.connect(url)
    await connection.execute(generate_init_sql())
    await connection.execute(FILL, count)
    command = "dramatiq tests.benchmarks.stock_actors --processes 1 --threads 8 --skip-logging"
    started = [await bench.processes.command(command, DATABASE_URL=url) for _ in range(workers)]
    left = "select count(*) from dramatiq.queue where state <> 'done'"
    while await connection.fetchval(left) == count:
        await asyncio.sleep(0.01)
    began, before = time.perf_counter(), await connection.fetchval(left)
    while await connection.fetchval("select exists (select from dramatiq.queue where state <> 'done')"):
        await asyncio.sleep(0.02)
    took = time.perf_counter() - began
    await connection.close()
    for worker in started:
        await worker.terminate()
    return float(before) / took


async def adopt(bench: Bench, count: int) -> float:
    """Rows a second of one INSERT by a stock producer, on tables that were never analysed and in a session whose plans are old."""
    url = bench.databases.url(bench.databases.migrated())
    connection = await asyncpg.connect(url)
    await connection.execute(FILL, 1)
    began = time.perf_counter()
    await connection.execute(FILL, count, timeout=600)
    took = time.perf_counter() - began
    await connection.close()
    return count / took
