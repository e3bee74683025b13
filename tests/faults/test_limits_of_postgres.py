"""PostgreSQL has no connection, or no room on its disk, to give."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.local.postgres import Cluster
from tests.faults.conftest import LEASE_SECONDS, Scene
from tests.faults.database import cut_workers, execute
from tests.support import roles
from tests.support.databases import migrate
from tests.support.missing import missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import Connect, MakeKey
    from tests.faults.conftest import Say
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

CLIENTS = 8

#: Random bytes a post carries, so that no page has room for it.
PADDING = 10_000
#: A key is looked up and a post is tried, for a while each; after this long platforms cut an exchange.
ANSWER_SECONDS = 30


class TestConnections:
    """None is left."""

    @pytest.fixture
    def address(self, cluster_url: str) -> str:
        return cluster_url

    async def test_max_connections_exhausted(self, own_scene: Scene) -> None:
        async with own_scene.run() as run:
            operator = await asyncpg.connect(own_scene.url)
            async with hog(own_scene.url):
                await cut_workers(operator)
                await asyncio.sleep(3 * LEASE_SECONDS)
            await operator.close()
            await run.load.more(100)
        run.verdict.require()


@contextlib.asynccontextmanager
async def hog(url: str) -> AsyncIterator[None]:
    """Holds every connection there is, and takes each that becomes free."""
    held: list[asyncpg.Connection] = []
    full = asyncio.Event()

    async def take() -> None:
        while True:
            try:
                held.append(await asyncpg.connect(url))
            except asyncpg.TooManyConnectionsError:
                full.set()
                await asyncio.sleep(0.005)

    task = asyncio.create_task(take())
    try:
        await asyncio.wait_for(full.wait(), 60)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for connection in held:
            connection.terminate()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
class TestDisk:
    """It is full: the tables find no room, or the log finds none."""

    @pytest.fixture
    def disk(self) -> Iterator[Path]:
        # Not in pytest's folder: the server has an account of its own, and another run's start locks it out of there.
        disk = Path(tempfile.mkdtemp(prefix="sooner-disk-"))
        disk.chmod(0o755)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", disk], check=False
        )
        if mounted.returncode:
            disk.rmdir()
            missing("this machine lets nobody mount a file system")
        yield disk
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()

    @pytest.fixture
    def small_cluster(self, disk: Path) -> Iterator[Cluster]:
        cluster = Cluster(disk / "cluster", {"min_wal_size": "32MB", "max_wal_size": "48MB"})
        try:
            cluster.start()
            cluster.create("sooner")
            migrate(cluster.url("sooner"))
            roles.grant(cluster.url("sooner"))
            yield cluster
        finally:
            cluster.stop(immediate=True)

    @pytest.fixture
    def address(self, small_cluster: Cluster) -> str:
        return small_cluster.url("sooner")

    @pytest.fixture
    def small_scene(self, address: str, processes: Processes, effects: Path, say: Say) -> Scene:
        return Scene(address, processes, effects, say)

    async def test_no_room_for_tables(
        self,
        small_scene: Scene,
        disk: Path,
        small_cluster: Cluster,
        api_key: MakeKey,
        connect: Connect,
        say: Say,
    ) -> None:
        async with small_scene.run(clients=CLIENTS, padding=PADDING) as run:
            uploader = connect(run.web, await api_key())
            # The segment that the log begins here is room enough for all that is tried in vain.
            await execute(small_scene.url, "select pg_switch_wal()")
            async with full(disk):
                await run.load.refused(100)
                upload = await uploader.post("/uploads", content=os.urandom(1 << 20))
            await run.load.more(60)
        assert "terminated" not in small_cluster.log.read_text()
        assert (upload.status_code, "Retry-After" in upload.headers) == (503, True)
        say(f"the longest exchange took {run.load.slowest:.1f} s")
        assert run.load.slowest < ANSWER_SECONDS
        run.verdict.require()

    async def test_no_room_for_the_log(
        self, small_scene: Scene, disk: Path, small_cluster: Cluster, say: Say
    ) -> None:
        """PostgreSQL panics, and again as it recovers; then it is dead, or there and lets nobody in."""
        async with small_scene.run(clients=CLIENTS) as run:
            # Else a checkpoint lets the log begin anew in its oldest file, for as long as the tables have room.
            await execute(small_scene.url, "select pg_create_physical_replication_slot('kept', true)")
            # And what the clients post until it panics.
            run.workers.held += await run.workers.held_now() + CLIENTS
            async with full(disk):
                await press(small_scene.url)
                await run.load.refused(100)
            await asyncio.to_thread(small_cluster.stop, immediate=True)
            await asyncio.to_thread(small_cluster.start)
            await run.load.more(60)
        say(f"the longest exchange took {run.load.slowest:.1f} s")
        assert run.load.slowest < ANSWER_SECONDS
        # Claims may be lost with it, as in any crash.
        run.verdict.require(repeats=run.verdict.held)


@contextlib.asynccontextmanager
async def full(disk: Path) -> AsyncIterator[None]:
    """Nothing is left of the disk, nor of what PostgreSQL gives back of it."""
    ballast = disk / "ballast"

    async def fill() -> None:
        while True:
            # Not on a thread: that would go on filling behind the end.
            _fill(ballast)
            await asyncio.sleep(0.05)

    _fill(ballast)
    filling = asyncio.create_task(fill())
    try:
        yield
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        ballast.unlink()


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))


async def press(url: str) -> None:
    """Write to the log, faster than the service does, until PostgreSQL lets nobody in. Raises TimeoutError."""
    async with asyncio.timeout(60):
        while True:
            try:
                connection = await asyncpg.connect(url)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.execute(
                    "select pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))"
                )
            connection.terminate()
