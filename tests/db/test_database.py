"""The pool."""

import asyncpg
import pytest

from src.db import Query, Unavailable, pool

#: What asyncpg calls when a connection is given back: the server hangs up.
CUT = """
    create schema elsewhere;
    create function elsewhere.pg_advisory_unlock_all() returns boolean language sql
      return pg_terminate_backend(pg_backend_pid());
"""


async def test_a_connection_that_is_lost_as_it_is_given_back_is_no_loss_to_its_task(
    database_url: str,
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(CUT)
    await connection.close()
    database = pool(database_url, "test", size=1)
    await database.connect()

    with pytest.raises(Unavailable):
        await database.run(
            Query("lose", "", "select set_config('search_path', 'elsewhere, pg_catalog', false)")
        )

    row = await database.row(Query("read", "", "select 1 as one"))
    assert row is not None
    assert row["one"] == 1
    await database.close()
