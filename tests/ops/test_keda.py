"""The query by which workers are scaled counts what a worker is needed for."""

from pathlib import Path

import asyncpg

from tests.queue.bench import bench
from tests.support import ROOT

MANIFEST = Path(ROOT) / "ops" / "keda.yaml"


def query() -> str:
    """The query as the manifest holds it: the indented block behind `query: |`."""
    return MANIFEST.read_text().partition("query: |\n")[2]


async def test_due_running_and_ripe_jobs_count_and_future_ones_do_not(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval(query()) == 0
        async with bench(database_url) as queue:
            await queue.add(delay=3600.0)
            assert await connection.fetchval(query()) == 0
            await queue.add()
            ripe = await queue.add(delay=3600.0)
            await connection.execute(
                "update dramatiq.queue set due_at = now() - interval '1 second' where message_id = $1", ripe
            )
            assert await connection.fetchval(query()) == 2
            await queue.claim(1)
            assert await connection.fetchval(query()) == 2
    finally:
        await connection.close()
