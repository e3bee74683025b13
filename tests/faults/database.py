"""What is done to the database's connections."""

from __future__ import annotations

import asyncpg

OF_WORKERS = ("claim", "finish", "chores", "worker", "worker listen", "lease")

TERMINATE = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = any($1) order by random() limit $2
"""


async def execute(url: str, statement: str, *arguments: object) -> str:
    """Run one statement."""
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.execute(statement, *arguments))
    finally:
        await connection.close()


async def cut_workers(operator: asyncpg.Connection, *, most: int | None = None) -> int:
    """Terminate the workers' connections, all of them or at most so many: how many there were."""
    return len(await operator.fetch(TERMINATE, [f"sooner {name}" for name in OF_WORKERS], most))
