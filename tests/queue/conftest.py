"""Fixtures of the queue's tests."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import dramatiq
import pytest

from sooner.queue.broker import Broker, Placement
from sooner.queue.lane import Lane
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


@pytest.fixture
def broker(database_url: str) -> Iterator[Broker]:
    """A broker with one actor, `echo`."""
    broker = Broker([], lambda *_: Placement(Lane("default")))
    broker.declare_actor(
        dramatiq.Actor(
            lambda: None, broker=broker, actor_name="echo", queue_name="default", priority=0, options={}
        )
    )
    broker.open(database_url, retention=60.0)
    yield broker
    broker.pool.closeall()
