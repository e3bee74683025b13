"""How long a tenant is frozen when it moves to another database, and how long the whole move takes."""

import re
import time
from typing import Any

import asyncpg

from sooner.jobs.moving.mover import Mover
from sooner.jobs.tenants.locator import locator
from tests.benchmarks.bench import RUNS, Bench

FINISHED, WAITING = 100_000, 1_000
TENANT = "mover"
#: What web processes remember is no matter here.
SETTLE_SECONDS = 0.1
JOBS = """
insert into dramatiq.queue (message_id, lane, actor, message, tenant, state, worker, created_at, started_at, finished_at,
  expires_at, result, attempts, version, turn)
select sooner.new_id(), 'default', 'echo', jsonb_build_object('queue_name', 'default', 'actor_name', 'echo', 'args', '[]'::jsonb,
    'kwargs', jsonb_build_object('n', n), 'options', '{}'::jsonb, 'message_id', '', 'message_timestamp', 0),
  $1, $2::text::dramatiq.state, case when $2 = 'done' then gen_random_uuid() end, now() - (n || ' ms')::interval,
  case when $2 = 'done' then now() end, case when $2 = 'done' then now() end, now() + interval '1 day',
  case when $2 = 'done' then jsonb_build_object('n', n) end, 1, 1, n
from generate_series(1, $3::integer) as n
"""


async def measure(bench: Bench, row: Any) -> None:
    """There and back again, each several times; beside the tenant lie as many jobs of another one."""
    urls = {name: bench.databases.url(bench.databases.migrated()) for name in ("home", "a", "b")}
    home, a = await asyncpg.connect(urls["home"]), await asyncpg.connect(urls["a"], command_timeout=600)
    for name in urls:
        await home.execute("insert into sooner_directory.shard (name) values ($1)", name)
    await home.execute(
        "insert into sooner_directory.tenant (locator, tenant, shard) values ($1, $2, 'a')",
        locator(TENANT),
        TENANT,
    )
    for tenant in (TENANT, "other"):
        await a.execute(JOBS, tenant, "done", FINISHED)
        await a.execute(JOBS, tenant, "queued", WAITING)
    await a.execute("vacuum analyze dramatiq.queue")
    await a.close()
    await home.close()
    frozen, whole = [], []
    for to in ["b", "a"] * RUNS:
        said: list[str] = []
        began = time.perf_counter()
        await Mover(urls, "home", TENANT, say=said.append, settle_seconds=SETTLE_SECONDS).move(to)
        whole.append(time.perf_counter() - began)
        [found] = [match for line in said if (match := re.search(r"frozen for (\d+) ms", line))]
        frozen.append(float(found[1]))
    jobs = FINISHED + WAITING
    frozen.sort()
    whole.sort()
    middle = len(whole) // 2
    row(
        f"move of {FINISHED:,} finished and {WAITING:,} waiting jobs",
        jobs / whole[middle],
        note=f"{whole[middle]:.1f} s in all; frozen for {frozen[middle]:.0f} ms, {frozen[-1]:.0f} ms at most of {len(frozen)}",
    )
