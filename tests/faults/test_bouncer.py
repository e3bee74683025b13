"""With LISTEN=0 every process works behind PgBouncer in transaction mode."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sooner import Sooner
from sooner.db.hosts import PoolerRefuses
from tests.support.bouncer import PROGRAM, bouncer
from tests.support.databases import migrate
from tests.support.keys import create_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.conftest import Scene
    from tests.support.processes import Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (Debian: pgbouncer)"),
]


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    with bouncer(database_url) as pooler:
        yield pooler.address(database_url)


@pytest.fixture
def settings(settings: dict[str, dict[str, str | None]]) -> dict[str, dict[str, str | None]]:
    return {name: {**values, "LISTEN": "0"} for name, values in settings.items()}


async def test_jobs_run_behind_pgbouncer_while_workers_are_killed(scene: Scene) -> None:
    async with scene.run() as run:
        for _ in range(3):
            await run.load.more(200)
            await run.workers.kill_one()
    run.verdict.require(repeats=run.verdict.held)


async def test_jobs_run_behind_pgbouncer_while_workers_are_frozen(scene: Scene) -> None:
    async with scene.run() as run:
        await run.freeze_workers()
    run.verdict.require(repeats=run.verdict.held)


async def test_commands_and_scheduler_work_behind_pgbouncer(address: str, processes: Processes) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, address) for _ in range(2)))
    keys = await asyncio.gather(*(create_key(address) for _ in range(4)))
    assert len(set(keys)) == 4
    scheduler = await processes.scheduler()
    assert await scheduler.terminate() == 0


async def test_a_program_behind_pgbouncer_is_told_what_to_say(address: str) -> None:
    async with Sooner(address) as program:
        with pytest.raises(
            PoolerRefuses, match=r"plan_cache_mode.*LISTEN=0.*listen=False.*PostgreSQL itself"
        ):
            await program.submit("echo", {})
    async with Sooner(address, listen=False) as program:
        handle = await program.submit("echo", {}, delay=60)
        assert (await handle.document())["state"] == "waiting"
