"""Synchronous code enqueues with the broker."""

from typing import Any

import asyncpg
import dramatiq
import pytest

from sooner.queue.broker import Broker


@pytest.mark.parametrize("delay", [None, 60_000])
async def test_a_second_try_after_a_lost_answer_adds_no_second_job(
    broker: Broker, sql: "asyncpg.Connection[asyncpg.Record]", delay: int | None
) -> None:
    message: dramatiq.Message[Any] = dramatiq.Message("default", "echo", (), {"a": 1}, {})
    for _ in range(2):
        broker.enqueue(message, delay=delay)
    [row] = await sql.fetch(
        "select message_id::text, message->'kwargs'->>'a' as a, due_at from dramatiq.queue"
    )
    assert (row["message_id"], row["a"], row["due_at"] is None) == (message.message_id, "1", delay is None)
