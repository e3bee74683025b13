"""The database's clock, set by a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sooner.testing import moved_clock

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg


async def start_clock(db: asyncpg.Connection, at: datetime) -> None:
    """From now on it is `at` in this database, and time goes on from there."""
    ahead = await db.fetchval("select $1::timestamptz - now()", at)
    await db.execute(moved_clock.statement(ahead.total_seconds()))
