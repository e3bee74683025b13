"""Frozen tenants: what waits, what is refused, and what goes on while a tenant moves to another database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sooner.queue import freeze
from tests.support.clock import start_clock

if TYPE_CHECKING:
    import asyncpg

    Sql = asyncpg.Connection[asyncpg.Record]

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def test_a_freeze_ends_by_itself_unless_it_is_renewed(sql: Sql) -> None:
    await start_clock(sql, NOON)
    ends = await freeze.freeze(sql, "acme", "leaving", 10)
    renewed = await freeze.renew(sql, "acme", 20)
    assert ends is not None
    assert renewed is not None
    assert timedelta(seconds=9) < renewed - ends < timedelta(seconds=12)
    await start_clock(sql, NOON + timedelta(seconds=15))
    assert await freeze.reason(sql, "acme") == "leaving"

    await start_clock(sql, NOON + timedelta(seconds=25))

    assert await freeze.reason(sql, "acme") is None
    assert await freeze.renew(sql, "acme", 10) is None


async def test_a_freeze_without_an_end_holds_until_the_thaw(sql: Sql) -> None:
    await start_clock(sql, NOON)
    assert await freeze.freeze(sql, "acme", "arriving", None) is None
    await start_clock(sql, NOON + timedelta(days=10_000))
    assert await freeze.reason(sql, "acme") == "arriving"
    assert await freeze.reason(sql, "other") is None

    assert await freeze.thaw(sql, "acme")

    assert await freeze.reason(sql, "acme") is None
    assert not await freeze.thaw(sql, "acme")
