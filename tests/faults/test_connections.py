"""Workers lose their connections under load; no worker dies, so no effect is had twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.faults.database import cut_workers

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("most", [None, 1], ids=["all", "one"])
async def test_worker_connections_terminated_every_3_seconds(scene: Scene, most: int | None) -> None:
    cut = 0
    async with scene.run() as run:
        operator = await asyncpg.connect(scene.url)
        for _ in range(8):
            await asyncio.sleep(3)
            cut += await cut_workers(operator, most=most)
        await operator.close()
    scene.say(f"connections terminated: {cut}")
    assert cut > 0
    run.verdict.require()
