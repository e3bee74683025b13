"""A crash of the server takes back claims that it had answered: they are not made durable at once."""

from typing import Any

import asyncpg

from sooner.queue.transitions import TRANSITIONS
from tests.queue.bench import Bench


async def test_a_claim_that_was_taken_back_never_shares_its_fence(queue: Bench) -> None:
    id = await queue.add()

    async def claim_and_lose(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        values: dict[str, Any] = {"lane": "default", "queue": "default", "actors": ["echo"], "batch": 1}
        values |= {"threaded": [], "threads": 0}
        transaction = connection.transaction()
        await transaction.start()
        [row] = await connection.fetch(
            TRANSITIONS.claim.positional, *TRANSITIONS.claim.arguments({**values, "worker": queue.worker})
        )
        await transaction.rollback()
        return int(row["fence"])

    lost = await queue.link.run(claim_and_lose)
    [row] = await queue.claim_rows(1)
    assert row["fence"] > lost
    assert not await queue.finish(id, lost)
    assert await queue.finish(id, row["fence"])
