"""Fixtures of the queue's tests."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.queue.bench import Bench, bench


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[Bench]:
    """The queue's statements on the test's database."""
    async with bench(database_url) as made:
        yield made


@pytest.fixture
async def sql(database_url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """A bare connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
