"""The migrations: from nothing to the newest revision and back, as often as wanted."""

from __future__ import annotations

from tests.support.databases import migrate
from tests.support.schema import alembic, columns


async def test_up_down_and_up_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    first = await columns(empty_database_url)

    alembic(empty_database_url, "downgrade", "base")
    nothing = await columns(empty_database_url)
    migrate(empty_database_url)
    migrate(empty_database_url)

    assert nothing == {}
    assert await columns(empty_database_url) == first
    assert ("dramatiq.queue", "message_id") in first
