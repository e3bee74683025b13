"""What a job costs the database and the processes, where one database ends, and how many a load needs (ops/docs/capacity.md)."""

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from tests.benchmarks.bench import SECONDS, Bench, processor_seconds
from tests.support.processes import Process

#: Of a resource a deployment plans with this share: the rest is for peaks, vacuum and checkpoints.
PLANNED_SHARE = 0.6
#: Jobs a second for which the table names the shards.
LOADS = (100, 1_000, 5_000, 20_000, 100_000)
#: Processors of a database server, as a plan; and megabytes of WAL a second that its disk and its standby take.
SERVER_PROCESSORS = int(os.environ.get("CAPACITY_PROCESSORS", "16"))
SERVER_WAL_MB = float(os.environ.get("CAPACITY_WAL_MB", "200"))
NOTIFIERS = 16
#: Concurrent clients; the ends and the plan are by the most.
CLIENTS = (4, 64, 256)

COUNTERS = """
select (pg_current_wal_lsn() - '0/0')::bigint as wal, xact_commit as commits,
  n_tup_upd + n_tup_del as updates, n_tup_hot_upd as hot
from pg_stat_database cross join pg_stat_user_tables
where datname = current_database() and relid = 'dramatiq.queue'::regclass
"""
FINISHED = "select count(*) from dramatiq.queue where state = 'done'"


@dataclass(frozen=True)
class Cost:
    """Of one job: microseconds of a processor, bytes of WAL, commits, row versions that vacuum removes."""

    web_us: float
    worker_us: float
    database_us: float
    wal_bytes: float
    commits: float
    dead_rows: float


@dataclass(frozen=True)
class Ends:
    """The most of one database: commits a second that notify, row versions a second that vacuum removes."""

    notifying_commits: float
    removed_rows: float


async def measure(bench: Bench) -> None:
    """Print the costs, the ends and the shards."""
    web, worker = await bench.processes.web(), await bench.processes.worker()
    echo = f"{web.url}/jobs/echo"
    await bench.load_once(echo, 64)
    costs = {
        clients: await _cost(bench, partial(bench.load_once, echo, clients), web, worker)
        for clients in CLIENTS
    }
    ends = Ends(notifying_commits=await _notifying(bench), removed_rows=await _vacuum(bench))
    for process in (web, worker):
        await process.terminate()
    busiest = costs[CLIENTS[-1]]
    for line in (*_costs(costs), *_limits(busiest, ends), *_plan(busiest, ends)):
        print(line)


async def _cost(bench: Bench, run: Callable[[], Awaitable[object]], web: Process, worker: Process) -> Cost:
    connection = await asyncpg.connect(bench.url)

    async def read() -> tuple[dict[str, float], Sequence[float], int]:
        # Sessions report their statistics within a second of their last statement.
        await asyncio.sleep(1.5)
        await connection.execute("select pg_stat_clear_snapshot()")
        used = [
            processor_seconds(web.tree()),
            processor_seconds(worker.tree()),
            processor_seconds(bench.server_tree()),
        ]
        return (
            dict(await connection.fetchrow(COUNTERS) or {}),
            used,
            int(await connection.fetchval(FINISHED)),
        )

    before, used_before, finished_before = await read()
    await run()
    after, used_after, finished_after = await read()
    await connection.close()
    jobs = finished_after - finished_before
    web_us, worker_us, database_us = (
        (now - then) / jobs * 1e6 for now, then in zip(used_after, used_before, strict=True)
    )
    counted = {name: (after[name] - before[name]) / jobs for name in before}
    return Cost(
        web_us=web_us,
        worker_us=worker_us,
        database_us=database_us,
        wal_bytes=counted["wal"],
        commits=counted["commits"],
        dead_rows=counted["updates"] - counted["hot"],
    )


async def _notifying(bench: Bench) -> float:
    """Commits a second that write a row and notify: they wait for one another, from the notification to the end of the commit."""
    connections = [await asyncpg.connect(bench.url) for _ in range(NOTIFIERS)]
    await connections[0].execute("create table if not exists noted (n integer)")
    until, done = time.monotonic() + SECONDS, 0

    async def commit(connection: asyncpg.Connection) -> None:
        nonlocal done
        while time.monotonic() < until:
            async with connection.transaction():
                await connection.execute("insert into noted values (1); notify capacity, 'x'")
            done += 1

    await asyncio.gather(*map(commit, connections))
    for connection in connections:
        await connection.close()
    return done / SECONDS


async def _vacuum(bench: Bench) -> float:
    """Dead row versions a second that vacuum removes from the table of jobs, indexes included, as autovacuum paces itself."""
    connection = await asyncpg.connect(bench.url, command_timeout=600)
    dead = int(await connection.fetchval("select count(*) from dramatiq.queue"))
    await connection.execute("update dramatiq.queue set expires_at = expires_at + interval '1 second'")
    await connection.execute("set vacuum_cost_delay = '2ms'; set vacuum_cost_limit = 200")
    began = time.monotonic()
    await connection.execute("vacuum dramatiq.queue")
    took = time.monotonic() - began
    await connection.close()
    return dead / took


def _costs(costs: Mapping[int, Cost]) -> list[str]:
    members = {
        "processor of web": "{0.web_us:,.0f} us",
        "processor of a worker": "{0.worker_us:,.0f} us",
        "processor of PostgreSQL": "{0.database_us:,.0f} us",
        "WAL": "{0.wal_bytes:,.0f} bytes",
        "commits": "{0.commits:.2f}",
        "row versions for vacuum": "{0.dead_rows:.2f}",
    }
    return [
        f"| of one job | {' | '.join(f'{clients} clients' for clients in costs)} |",
        f"| --- |{' --- |' * len(costs)}",
        *(
            f"| {name} | {' | '.join(text.format(cost) for cost in costs.values())} |"
            for name, text in members.items()
        ),
    ]


def most(cost: Cost, ends: Ends) -> dict[str, float]:
    """Jobs a second of one database, by what ends it."""
    return {
        f"{SERVER_PROCESSORS} processors": PLANNED_SHARE * SERVER_PROCESSORS * 1e6 / cost.database_us,
        f"{SERVER_WAL_MB:g} MB of WAL a second": PLANNED_SHARE * SERVER_WAL_MB * 1e6 / cost.wal_bytes,
        "commits that notify, one after another": PLANNED_SHARE * ends.notifying_commits / cost.commits,
        "vacuum, one worker at its default pace": PLANNED_SHARE * ends.removed_rows / cost.dead_rows,
    }


def _limits(cost: Cost, ends: Ends) -> list[str]:
    head = ["", f"| one database ends, at {PLANNED_SHARE:.0%} of | jobs a second |", "| --- | --- |"]
    rows = [f"| {name} | {rate:,.0f} |" for name, rate in most(cost, ends).items()]
    return [
        "",
        f"Commits a second that notify, by {NOTIFIERS} sessions: {ends.notifying_commits:,.0f}.",
        f"Row versions a second that vacuum removes: {ends.removed_rows:,.0f}.",
        *head,
        *rows,
    ]


def _plan(cost: Cost, ends: Ends) -> list[str]:
    least = min(most(cost, ends).values())
    head = [
        "",
        "| jobs a second | a day | shards | processors of web | of workers, beside the actors' own |",
        "| --- | --- | --- | --- | --- |",
    ]
    return head + [
        f"| {load:,} | {load * 86_400:,} | {math.ceil(load / least)} "
        f"| {math.ceil(load * cost.web_us / 1e6 / PLANNED_SHARE)} | {math.ceil(load * cost.worker_us / 1e6 / PLANNED_SHARE)} |"
        for load in LOADS
    ]
