"""What must not matter: the size of the table, an old transaction, ten thousand requests that wait."""

import asyncio
import json
import time
from typing import Any

import asyncpg

from tests.benchmarks.bench import Bench, resident

FINISHED = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, state, started_at, finished_at, result, worker,
  expires_at)
select gen_random_uuid(), 'default', 'default', 'echo', '{"args": [], "kwargs": {}}', 'bench', 'done', at, at, '{}',
  gen_random_uuid(), now() + interval '1 day'
from generate_series(1, $1) as n cross join lateral (select now() - n * interval '0.1 s') as finished (at)
"""
WAITING = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, turn)
select gen_random_uuid(), 'other', 'other', 'elsewhere', '{"args": [], "kwargs": {}}', 'bench', n
from generate_series(1, $1) as n
"""
MILLION = 1_000_000


async def measure(bench: Bench, row: Any) -> None:
    """Latency of echo at one client on an empty table, then beside each burden."""
    web, worker = await bench.processes.web(), await bench.processes.worker()
    connection = await asyncpg.connect(bench.url, command_timeout=600)
    echo = f"{web.url}/jobs/echo"

    async def latency(name: str, base: float | None = None) -> float:
        load = await bench.load(echo, 1)
        row(
            name,
            load.rate,
            load.p50,
            load.p99,
            "" if base is None else f"p50 = {load.p50 / base:.2f} x empty table",
        )
        return load.p50

    await bench.load(echo, 16)
    empty = await latency("echo, 1 client, empty table")
    await connection.execute(WAITING, MILLION)
    await connection.execute("vacuum analyze dramatiq.queue")
    await connection.execute("checkpoint")
    await latency("with 1,000,000 waiting in another queue", empty)
    await connection.execute(FINISHED, MILLION)
    await connection.execute("vacuum analyze dramatiq.queue")
    await connection.execute("checkpoint")
    await latency("with 1,000,000 finished as well", empty)
    old = await asyncpg.connect(bench.url)
    await old.execute("begin isolation level repeatable read; select 1 from dramatiq.queue limit 1")
    began = time.monotonic()
    while time.monotonic() - began < 20:
        await bench.load(echo, 16)
    await latency("beside a transaction left open under load", empty)
    await old.close()
    await connection.close()
    await worker.terminate()
    await web.terminate()


async def crowd(bench: Bench, row: Any, count: int = 10_000) -> None:
    """Requests that all wait at once in one web process, then are all answered."""
    web = await bench.processes.web(SYNC_WAIT_MAX_SECONDS="300", MAX_WAITING_PER_TENANT="1000000")
    connection = await asyncpg.connect(bench.url)
    await connection.execute(
        "insert into sooner.queue values ('default', true) on conflict (name) do update set paused = true"
    )
    connections = [
        await asyncio.open_connection("127.0.0.1", int(web.url.rpartition(":")[2])) for _ in range(count)
    ]
    for number, (_, writer) in enumerate(connections):
        body = json.dumps({"n": number}).encode()
        writer.write(
            b"POST /jobs/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nPrefer: wait=300\r\n"
            b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
            % (bench.key.encode(), len(body), body)
        )
        if number % 200 == 0:
            await asyncio.sleep(0.05)
    waiting = "select count(*) from dramatiq.queue where queue_name = 'default' and state = 'queued'"
    while await connection.fetchval(waiting) < count:
        await asyncio.sleep(0.1)
    memory = resident(web)
    sessions = await connection.fetch(
        "select application_name, count(*) from pg_stat_activity where application_name like 'sooner%' group by 1 order by 1"
    )
    worker = await bench.processes.worker()
    began = time.perf_counter()
    await connection.execute("update sooner.queue set paused = false")
    await connection.execute('notify "sooner.control"')
    right = sum(await asyncio.gather(*(_answered(reader, n) for n, (reader, _) in enumerate(connections))))
    note = f"{right:,} of {count:,} right; web {memory} MB; " + ", ".join(
        f"{name}: {n}" for name, n in sessions
    )
    row(f"{count:,} requests waiting at once", count / (time.perf_counter() - began), note=note)
    await connection.close()
    await worker.terminate()
    await web.terminate()


async def _answered(reader: asyncio.StreamReader, number: int) -> bool:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return bool(json.loads(await reader.readexactly(length)).get("result") == {"n": number})
