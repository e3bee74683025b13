"""What dramatiq's options let follow a job: each step and callback comes once, when the job has ended."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from dramatiq import pipeline

from tests.support.rows import until
from tests.support.steps import add_on_loop, add_on_thread, broker, fall, hear, stumble

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.processes import Processes


@pytest.fixture
async def rows(processes: Processes, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    await processes.worker(module="tests.support.steps")
    before = broker.pool
    broker.open(database_url, retention=60.0)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
    broker.pool.closeall()
    broker.pool = before


async def result(rows: asyncpg.Connection, actor: str) -> Any:
    """What the actor's only job returned."""
    done = "select result::text from dramatiq.queue where actor = $1 and state = 'done'"
    return json.loads(await until(rows, done, actor))


async def test_a_pipeline_runs_every_step_and_hands_results_on(rows: asyncpg.Connection) -> None:
    steps = pipeline(
        [
            stumble.message(1),
            add_on_thread.message(2),
            add_on_loop.message(4),
            hear.message({"actor_name": "last"}),
        ]
    )
    await asyncio.to_thread(steps.run)
    assert await result(rows, "hear") == ["last", 7]
    assert await rows.fetchval("select count(*) from dramatiq.queue") == 4


async def test_callbacks_come_once_and_not_before_the_last_attempt(rows: asyncpg.Connection) -> None:
    await asyncio.to_thread(fall.send_with_options, on_failure="hear")
    assert await result(rows, "hear") == ["fall", {"type": "ValueError", "message": "fell"}]
    await rows.execute("delete from dramatiq.queue")
    await asyncio.to_thread(stumble.send_with_options, args=(3,), on_success="hear", on_failure="hear")
    assert await result(rows, "hear") == ["stumble", 3]
    assert await rows.fetchval("select count(*) from dramatiq.queue") == 2


async def test_a_message_says_how_often_it_is_tried(rows: asyncpg.Connection) -> None:
    await asyncio.to_thread(fall.send_with_options, max_retries=2, min_backoff=1, max_backoff=1)
    assert await until(rows, "select attempts from dramatiq.queue where state = 'rejected'") == 3


@pytest.mark.parametrize("options", [{"throws": ["ValueError"]}, {"max_retries": "2"}, {"time_limit": -1}])
def test_options_that_cannot_be_kept_to_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        fall.send_with_options(**options)
