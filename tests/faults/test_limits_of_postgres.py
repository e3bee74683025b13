"""PostgreSQL has no connection, or no room on its disk, to give."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from typing import TYPE_CHECKING

import asyncpg
import pytest

from ops.local.postgres import Cluster
from tests.faults.conftest import LEASE_SECONDS, Scene
from tests.faults.database import cut_workers, execute
from tests.support.databases import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.faults.conftest import Say
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

CLIENTS = 8


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


@pytest.mark.skipif(
    "SOONER_TEST_DISK" not in os.environ, reason="set SOONER_TEST_DISK: the outcome is not settled"
)
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system takes root")
class TestDisk:
    """It is full. On a loaded machine posts were refused and nothing was lost; on an idle one none was refused."""

    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Path]:
        disk = tmp_path / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", disk], check=False
        )
        if mounted.returncode:
            pytest.skip("this machine lets nobody mount a file system")
        yield disk
        subprocess.run(["umount", "-l", disk], check=True)

    @pytest.fixture
    def small_cluster(self, disk: Path) -> Iterator[Cluster]:
        for folder in disk.parents[:3]:
            # The server has an account of its own.
            folder.chmod(folder.stat().st_mode | 0o055)
        cluster = Cluster(disk / "cluster", {"min_wal_size": "32MB", "max_wal_size": "48MB"})
        try:
            cluster.start()
            cluster.create("sooner")
            migrate(cluster.url("sooner"))
            yield cluster
        finally:
            cluster.stop(immediate=True)

    @pytest.fixture
    def address(self, small_cluster: Cluster) -> str:
        return small_cluster.url("sooner")

    async def test_disk_full(
        self, address: str, disk: Path, small_cluster: Cluster, processes: Processes, effects: Path, say: Say
    ) -> None:
        scene = Scene(address, processes, effects, say)
        async with scene.run(clients=CLIENTS) as run:
            ballast = disk / "ballast"
            # And what the clients post until it dies.
            run.workers.held += await run.workers.held_now() + CLIENTS
            await refused(address, ballast, run.load.refusals)
            await asyncio.sleep(5)
            ballast.unlink()
            alive = small_cluster.pid is not None
            if not alive:
                await asyncio.to_thread(small_cluster.start)
            await run.load.more(60)
        say(f"PostgreSQL {'lived on' if alive else 'died of it and was started again'}")
        assert run.verdict.refused > 0
        # Where it dies, claims may be lost with it, as in any crash.
        run.verdict.require(repeats=run.verdict.held)


def fill(ballast: Path) -> None:
    """Take what is left of the disk."""
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))


async def refused(url: str, ballast: Path, refusals: dict[str, int]) -> None:
    """Fill the disk, again whenever a checkpoint gave some of it back, until it shows: posts are refused."""
    async with asyncio.timeout(120):
        while not refusals:
            await asyncio.to_thread(fill, ballast)
            await press(url)
            await asyncio.sleep(0.05)


async def press(url: str) -> None:
    """Write to the log until there is no more room for it: the service's own writes may take long to fill it."""
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        for _ in range(64):
            await execute(url, "select pg_logical_emit_message(false, 'ballast', repeat('x', 1000000))")
