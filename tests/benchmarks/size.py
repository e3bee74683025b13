"""What the size of the table must not matter for: ten days' finished jobs, of which a day's leave and a day's come beside load.

BENCH_ROWS jobs (5,000,000), a fifth of them one tenant's; BENCH_DAYS days pass (10), each by moving the database's clock.
"""

import asyncio
import json
import os
import time
from datetime import datetime
from typing import Any, cast

import asyncpg
import httpx

from sooner.testing import moved_clock
from tests.benchmarks import board
from tests.benchmarks.bench import RUNS, Bench, Load, median_load, resident
from tests.support.keys import create_key
from tests.support.processes import Process

ROWS = int(os.environ.get("BENCH_ROWS", "5000000"))
DAYS = int(os.environ.get("BENCH_DAYS", "10"))
RETENTION_DAYS = 10
A_DAY = ROWS // RETENTION_DAYS
#: A day's jobs come in so many statements.
PARTS = 20
BIG = "big"

#: Finished jobs as the service leaves them, spread over the days before now; every fifth is one tenant's.
FINISHED = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, state, created_at, started_at, finished_at,
  expires_at, result, worker, attempts, request_id, traceparent)
select uuidv7(at - now()), 'default', 'default', 'echo',
  jsonb_build_object('queue_name', 'default', 'actor_name', 'echo', 'args', '[]'::jsonb, 'options', '{}'::jsonb,
    'kwargs', jsonb_build_object('n', n, 'text', md5(n::text))),
  case when n % 5 = 0 then 'big' else 'tenant-' || n % 97 end, 'done', at, at, at, at + $2 * interval '1 day',
  jsonb_build_object('n', n, 'text', md5(n::text)), gen_random_uuid(), 1, md5(n::text),
  '00-' || md5(n::text) || '-00f067aa0ba902b7-01'
from generate_series(1, $1) as n cross join lateral (select now() - $2 * interval '1 day' * n / $1) as made (at)
"""
#: A part of a day's jobs, with the row versions that jobs have on their way.
COME = (
    """
    insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, turn, request_id)
    select uuidv7(), 'other', 'other', 'elsewhere',
      jsonb_build_object('actor_name', 'elsewhere', 'kwargs', jsonb_build_object('n', n, 'text', md5(n::text))),
      case when n % 5 = 0 then 'big' else 'tenant-' || n % 97 end, n, md5(n::text)
    from generate_series(1, $1::integer) as n
    """,
    """
    update dramatiq.queue set state = 'consumed', worker = gen_random_uuid(), started_at = dramatiq.clock(), attempts = 1
    where lane = 'other' and state = 'queued' and due_at is null
    """,
    """
    update dramatiq.queue set state = 'done', finished_at = dramatiq.clock(), result = message->'kwargs',
      expires_at = dramatiq.clock() + $1 * interval '1 day'
    where state = 'consumed' and lane = 'other'
    """,
)
SIZES = """
select reltuples::bigint as rows, pg_table_size(oid) >> 20 as table, pg_indexes_size(oid) >> 20 as indexes
from pg_class where oid = 'dramatiq.queue'::regclass
"""
VACUUMED = """
select last_autovacuum > $1 and n_dead_tup < 50000 from pg_stat_user_tables where relid = 'dramatiq.queue'::regclass
"""
LISTS = ("/jobs", "/jobs?state=error", "/jobs?state=done&actor=echo", "/jobs?actor=nobody")
OPENINGS = 5
STATE = "select state, finished_at, result, error from dramatiq.queue where message_id = $1"
OF_TENANT = "select count(*) from dramatiq.queue where tenant = $1"
LATER = {"Prefer": "respond-async"}
VACUUM_SECONDS = 900


class Size:
    """One table of jobs, and what is measured beside it."""

    def __init__(self, bench: Bench, row: Any, connection: "asyncpg.Connection[Any]", url: str) -> None:
        self.bench, self.row, self.connection, self.url = bench, row, connection, url

    async def one(self, query: str, *values: object) -> asyncpg.Record:
        """The row of a query that has one."""
        return cast(asyncpg.Record, await self.connection.fetchrow(query, *values))

    async def fill(self) -> None:
        """The days before."""
        began = time.perf_counter()
        await self.connection.execute(FINISHED, ROWS, RETENTION_DAYS)
        await self.connection.execute("vacuum analyze dramatiq.queue")
        await self.connection.execute("checkpoint")
        self.row("filled by SQL", ROWS / (time.perf_counter() - began), note=await self.sizes())

    async def sizes(self) -> str:
        """Rows, and megabytes of table and indexes."""
        row = await self.one(SIZES)
        return f"about {row['rows']:,} rows, table {row['table']:,} MB, indexes {row['indexes']:,} MB"

    async def echo(self) -> Load:
        """A synchronous exchange by four clients."""
        return await self.bench.load_once(f"{self.url}/jobs/echo", 4)

    async def views(self) -> None:
        """A tenant's lists, and each view of the dashboard."""
        async with self.client(await create_key(self.bench.url, BIG)) as client:
            for name in LISTS:
                await self.view(client, f"tenant: {name}", name)
        async with self.client(await create_key(self.bench.url, "ops", scopes=("admin",))) as client:
            job = (await client.get("/jobs?limit=1&state=done")).json()["items"][0]["id"]
            for name, (address, event) in board.VIEWS.items():
                await self.view(client, f"dashboard: {name}", address.format(job=job), event)
            for name, address in board.ANSWERS.items():
                await self.view(client, f"dashboard: {name}", address)

    async def view(
        self, client: httpx.AsyncClient, name: str, address: str, event: str | None = None
    ) -> None:
        """One line for a list or a view."""
        board.report(self.row, name, await board.open_often(client, address, event, OPENINGS))

    def client(self, key: str) -> httpx.AsyncClient:
        """A client with a key."""
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=3600, trust_env=False)

    async def day(self, number: int, quiet: Load) -> None:
        """A day passes: the oldest jobs are removed by the service's own job while as many come, beside a load."""
        await self.connection.execute(moved_clock.statement(86_400 * number))
        before = await self.connection.fetchval("select clock_timestamp()")
        began = time.perf_counter()
        removing = asyncio.create_task(self.remove())
        loads = [await self.echo()]
        while not removing.done():
            loads.append(await self.echo())
        removed = await removing
        took = time.perf_counter() - began
        await self.come()
        load = median_load(loads)
        vacuum = await self.vacuumed(before)
        note = f"removed {removed:,}; echo's p50 {load.p50 / quiet.p50:.2f} x; {vacuum}; {await self.sizes()}"
        self.row(f"day {number}: removed", removed / took, load.p50, load.p99, note)

    async def remove(self) -> int:
        """Run the service's own removal; the result is the number of jobs removed."""
        id = await self.connection.fetchval("select sooner.submit('remove_expired_jobs', '{}')")
        while (row := await self.one(STATE, id))["finished_at"] is None:
            await asyncio.sleep(0.2)
        if row["state"] != "done":
            raise RuntimeError(f"the removal ended as {row['state']}: {row['error']}")
        return int(json.loads(row["result"])["jobs"])

    async def come(self) -> None:
        """Add and end a day's jobs."""
        connection = await asyncpg.connect(self.bench.url, command_timeout=600)
        for _ in range(PARTS):
            for statement, value in zip(COME, (A_DAY // PARTS, None, RETENTION_DAYS), strict=True):
                await connection.execute(statement, *([] if value is None else [value]))
        await connection.close()

    async def vacuumed(self, since: datetime) -> str:
        """Wait for autovacuum, so that each day begins alike."""
        began = time.perf_counter()
        while not await self.connection.fetchval(VACUUMED, since):
            if time.perf_counter() - began > VACUUM_SECONDS:
                return f"not vacuumed within {VACUUM_SECONDS} s"
            await asyncio.sleep(1)
        return f"vacuumed {time.perf_counter() - began:.0f} s later"

    async def export(self, worker: Process) -> None:
        """One tenant's export, and the memory of the worker meanwhile."""
        async with self.client(await create_key(self.bench.url, BIG)) as client:
            before, began, most = resident(worker), time.perf_counter(), 0
            job = (await client.post("/jobs/export_archive", json={}, headers=LATER)).json()
            while (row := await self.one(STATE, job["id"]))["finished_at"] is None:
                most = max(most, resident(worker))
                await asyncio.sleep(0.1)
            count = await self.connection.fetchval(OF_TENANT, BIG)
            took = time.perf_counter() - began
        note = f"{row['state']}: {count:,} jobs in {took:.0f} s; worker {before} MB before, {most} MB at most"
        self.row(f"export of tenant {BIG}", count / took, note=note)


async def measure(bench: Bench, row: Any) -> None:
    """Fill the table, look at it, let days pass, and export."""
    kept: dict[str, Any] = {"JOB_RETENTION_DAYS": str(RETENTION_DAYS)}
    web, worker = await bench.processes.web(**kept), await bench.processes.worker(**kept)
    connection = await asyncpg.connect(bench.url, command_timeout=3600)
    for statement in ("alter system set autovacuum_naptime = '5s'", "select pg_reload_conf()"):
        await connection.execute(statement)
    size = Size(bench, row, connection, web.url)
    await size.echo()
    empty = await size.echo()
    row("echo, 4 clients, empty table", empty.rate, empty.p50, empty.p99)
    await size.fill()
    quiet = median_load([await size.echo() for _ in range(RUNS)])
    note = f"p50 = {quiet.p50 / empty.p50:.2f} x empty table"
    row(f"echo, 4 clients, {ROWS:,} finished", quiet.rate, quiet.p50, quiet.p99, note)
    await size.views()
    for number in range(1, DAYS + 1):
        await size.day(number, quiet)
    await size.views()
    await size.export(worker)
    await connection.close()
    await worker.terminate()
    await web.terminate()
