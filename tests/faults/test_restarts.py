"""PostgreSQL is stopped as by a power cut and started again, under load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sooner.local.postgres import Cluster
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.slow


@pytest.fixture
def address(cluster_url: str) -> str:
    return cluster_url


async def test_postgresql_stopped_immediately_and_restarted_5_times(
    own_scene: Scene, cluster: Cluster
) -> None:
    async with own_scene.run() as run:
        for _ in range(5):
            run.workers.held += await run.workers.held_now()
            await asyncio.to_thread(cluster.stop, immediate=True)
            await asyncio.to_thread(cluster.start)
            await run.load.more(60)
    # Claims are the one thing committed without waiting for the disk: what ran at a stop may run once more.
    run.verdict.require(repeats=run.verdict.held)
