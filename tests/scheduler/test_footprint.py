"""What the scheduler never loads, and what it takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psutil

from tests.scheduler.conftest import TICK, come_to

if TYPE_CHECKING:
    import asyncpg

    from tests.support.processes import Processes

FORBIDDEN = (
    "alembic",
    "databases",
    "httpx",
    "nacl",
    "sqlalchemy",
    "src.actors",
    "sooner.web",
    "src.inventory",
    "sooner.jobs",
    "sooner.worker",
    "starlette",
    "uvicorn",
)
IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(?P<module>\S+)$")


async def test_nothing_heavy_and_nothing_secret(processes: Processes, db: asyncpg.Connection) -> None:
    command = "exec python -X importtime -m src.scheduler"
    scheduler = await processes.command(command, **processes.settings("scheduler"))
    await scheduler.line('"event": "leading"')
    await come_to(db, TICK)
    await scheduler.line('"tick fired"')
    assert await scheduler.terminate() == 0
    modules = {match["module"] for line in scheduler.lines if (match := IMPORTED.match(line))}
    assert {"asyncpg", "periodiq", "sooner.deployment.schedules"} <= modules
    assert sorted(modules & set(FORBIDDEN)) == []


async def test_memory(processes: Processes, db: asyncpg.Connection) -> None:
    scheduler = await processes.scheduler()
    await come_to(db, TICK)
    await scheduler.line('"tick fired"')
    assert psutil.Process(scheduler.pid).memory_info().rss < 100e6
