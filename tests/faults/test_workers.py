"""Workers are killed and frozen under load: nothing accepted is lost, nothing final changes."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.faults.conftest import Scene

pytestmark = pytest.mark.slow


async def test_workers_killed_at_random(scene: Scene) -> None:
    async with scene.run() as run:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            await asyncio.sleep(random.uniform(1, 5))
            await run.workers.kill_one()
    run.verdict.require(repeats=run.verdict.held)


async def test_workers_frozen_longer_than_the_lease(scene: Scene) -> None:
    async with scene.run() as run:
        await run.freeze_workers()
    run.verdict.require(repeats=run.verdict.held)
