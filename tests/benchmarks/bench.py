"""What the benchmarks measure with: a cluster with fsync on, the Procfile's processes, loads and backlogs."""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import asyncpg
import psutil

from sooner.local.postgres import Cluster
from tests.support.databases import Databases
from tests.support.keys import create_key
from tests.support.processes import Process, Processes

T = TypeVar("T")
U = TypeVar("U")

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))

#: Jobs as the service would have added them one after another: ids and times ascend.
BACKLOG = """
insert into dramatiq.queue (message_id, queue_name, lane, actor, message, tenant, created_at, expires_at, turn)
select uuidv7(), $2, $3, $4, jsonb_build_object('queue_name', $2::text, 'actor_name', $4::text,
  'args', '[]'::jsonb, 'kwargs', $5::jsonb, 'options', '{}'::jsonb, 'message_id', '', 'message_timestamp', 0),
  'bench', now() + (n - $1::integer) * interval '0.1 milliseconds', now() + interval '1 day', n
from generate_series(1, $1) as n
"""
#: A server that has run for a while writes over old log segments; a new one makes each anew, 50 ms during which all wait.
RUN_IN = (
    "create table run_in as select repeat(md5(n::text), 50) as text from generate_series(1, 500000) as n",
    "drop table run_in",
    "checkpoint",
)
SERVER = {
    "max_connections": "300",
    "shared_buffers": "256MB",
    "min_wal_size": "2GB",
    "max_wal_size": "4GB",
}
#: A backlog that takes longer is not drained any more.
DRAIN_SECONDS = 300
LEFT = "select count(*) from dramatiq.queue where queue_name = $1 and state in ('queued', 'consumed')"


@dataclass(frozen=True)
class Load:
    """Figures of one load: a second, milliseconds, milliseconds, count of each status."""

    rate: float
    p50: float
    p99: float
    statuses: dict[str, int]


@dataclass
class Bench:
    """One database, and what runs on it."""

    cluster: Cluster
    url: str
    processes: Processes
    key: str
    databases: Databases

    async def load(self, url: str, clients: int, *headers: str, body: str = '{"a":1}') -> Load:
        """The median run by rate of several."""
        return median_load([await self.load_once(url, clients, *headers, body=body) for _ in range(RUNS)])

    async def load_once(
        self, url: str, clients: int, *headers: str, body: str = '{"a":1}', method: str = "POST"
    ) -> Load:
        """One run."""
        fields = [f"Authorization: Bearer {self.key}", "Content-Type: application/json", *headers]
        arguments = [word for field in fields for word in ("--header", field)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.load", url, "--clients", str(clients), "--seconds", str(SECONDS),
            "--body", body, "--method", method, *arguments, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        return Load(**json.loads(output))

    async def fill(
        self, count: int, *, lane: str = "default", actor: str = "echo", params: str = "{}"
    ) -> None:
        """Add a backlog in the table directly."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(BACKLOG, count, lane.partition(".")[0], lane, actor, params)
            await connection.execute("vacuum analyze dramatiq.queue")
            await connection.execute("checkpoint")
        finally:
            await connection.close()

    def server_tree(self) -> list[psutil.Process]:
        """The processes of the database server, its first one first."""
        server = psutil.Process(self.cluster.pid)
        return [server, *server.children(recursive=True)]

    async def empty(self) -> None:
        """Take every job out of the table."""
        connection = await asyncpg.connect(self.url)
        await connection.execute("truncate dramatiq.queue")
        await connection.close()

    async def drain(self, count: int, workers: int, **backlog: str) -> float:
        """Jobs a second that so many workers take from a backlog."""
        async with self.backlog(count, workers, **backlog) as drained:
            began = time.perf_counter()
            await drained()
            return count / (time.perf_counter() - began)

    @asynccontextmanager
    async def backlog(
        self, count: int, workers: int, **backlog: str
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A backlog before so many workers, which may not take from it yet: what comes lets them, and ends when all is drained."""
        started = [await self.processes.worker() for _ in range(workers)]
        connection = await asyncpg.connect(self.url)

        async def drained() -> None:
            await connection.execute("update sooner.queue set paused = false")
            await connection.execute('notify "sooner.control"')
            await asyncio.wait_for(ended.all.wait(), DRAIN_SECONDS)

        try:
            await connection.execute(
                "insert into sooner.queue values ('default', true) on conflict (name) do update set paused = true"
            )
            await self.fill(count, **backlog)
            ended = Ended(count)
            await connection.add_listener("sooner.changed", ended.told)
            yield drained
            if left := await connection.fetchval(LEFT, "default"):
                raise RuntimeError(f"{left} jobs are left")
        finally:
            await connection.close()
            for worker in started:
                await worker.terminate()


class Ended:
    """Waits for so many jobs' endings to be told: asking the table again and again takes a fifth of both processors."""

    def __init__(self, count: int) -> None:
        self.all = asyncio.Event()
        self._count = count
        self._ids: set[str] = set()

    def told(self, connection: object, pid: int, channel: str, payload: object) -> None:
        """A notification with the ids of jobs that changed."""
        self._ids.update(str(payload).split(","))
        if len(self._ids) >= self._count:
            self.all.set()


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A bench on a cluster of its own."""
    with tempfile.TemporaryDirectory(prefix="sooner-bench-", dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        folder.chmod(0o755)
        cluster = Cluster(folder / "cluster", SERVER)
        cluster.start()
        try:
            async with _bench(cluster, folder) as made:
                yield made
        finally:
            cluster.stop(immediate=True)


@asynccontextmanager
async def _bench(cluster: Cluster, folder: Path) -> AsyncIterator[Bench]:
    await _run_in(cluster.url())
    databases = Databases(cluster.url())
    url = databases.url(databases.migrated())
    common = {"DATABASE_URL": url, "LINK_SIGNING_KEY": "benchmark" * 8, "DIAGNOSTICS": "1"}
    settings = {"web": common, "worker": common, "scheduler": common}
    processes = Processes(settings, folder, under_roles=False)
    try:
        yield Bench(cluster, url, processes, await create_key(url, "bench"), databases)
    finally:
        processes.end()


async def _run_in(url: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in RUN_IN:
        await connection.execute(statement)
    await connection.close()


def median_load(runs: Sequence[Load]) -> Load:
    """The median run by rate."""
    return sorted(runs, key=lambda run: run.rate)[len(runs) // 2]


async def in_turn(first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[U]]) -> list[tuple[T, U]]:
    """Pairs of runs, one right after the other, so that a ratio holds where the machine's speed drifts."""
    return [(await first(), await second()) for _ in range(RUNS)]


def resident(process: Process) -> int:
    """Megabytes of a process and its children."""
    return sum(member.memory_info().rss for member in process.tree()) >> 20


def processor_seconds(members: Iterable[psutil.Process]) -> float:
    """The processor time of these processes, without those that have ended."""
    total = 0.0
    for member in members:
        with suppress(psutil.NoSuchProcess):
            total += sum(member.cpu_times()[:2])
    return total
