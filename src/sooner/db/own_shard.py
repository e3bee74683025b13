"""The name that a database has among several: a process that names another works on the wrong one."""

import asyncpg

from sooner.db.link import Link
from sooner.db.queries import Queries

SQL = Queries("sooner.db", "sql/own_shard.sql")


class WrongShard(Exception):
    """SHARD names another shard than the database is."""

    def __init__(self, shard: str, own: str) -> None:
        super().__init__(
            f"SHARD is {shard}, but the database at its address is shard {own}: correct SHARD, or the address in DATABASE_URLS"
        )


async def check(link: Link, shard: str | None) -> None:
    """Raises WrongShard where the database has another name than SHARD, and Unavailable where it is away.

    Nothing is checked without SHARD, nor in a database that nobody has added.
    """
    if shard is None:
        return
    try:
        [row] = await link.fetch(SQL.own_name)
    except asyncpg.UndefinedTableError:
        return
    if row["name"] not in (None, shard):
        raise WrongShard(shard, row["name"])
