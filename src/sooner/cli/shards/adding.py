"""`shards add`: a database becomes a shard, with the tenants that it has."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sooner.cli.shards.links import SQL, ShardLinks, ShardsError
from sooner.db.link import Connection, rows
from sooner.jobs.tenants.directory import SQL as DIRECTORY
from sooner.jobs.tenants.locator import locator
from sooner.jobs.tenants.placer import SQL as PLACING

#: The most tenants that a message names.
MOST_NAMED = 10


async def add(links: ShardLinks, name: str, weight: float | None) -> str:
    """Add a shard, or change its weight; the result says what was done. Raises ShardsError, which changed nothing.

    A crash in the middle leaves what a second call finishes.
    """
    if name not in links.names:
        raise ShardsError(
            f"DATABASE_URLS names {', '.join(links.names)}: put {name}=postgresql://… there, for every process, "
            "and run this again"
        )
    for shard in dict.fromkeys((links.home, name)):
        await links.check(shard)
    await _check_home(links, name)
    tenants = {locator(row["tenant"]): row["tenant"] for row in await links.rows(name, SQL.tenants)}
    keys = {row["digest"]: locator(row["tenant"]) for row in await links.rows(name, SQL.keys)}
    _refuse(await links.rows(links.home, SQL.elsewhere, shard=name, locators=list(tenants)), name)
    await links.rows(name, SQL.name_itself, name=name)
    await links.check(name)
    return await links.whole(links.home, partial(_register, name, weight, tenants, keys))


async def _check_home(links: ShardLinks, name: str) -> None:
    """Raises ShardsError where the directory is not there yet, and this is not the shard to begin with."""
    if await links.rows(links.home, DIRECTORY.shards):
        return
    for shard in links.names:
        if (
            shard != links.home
            and await links.fault(shard) is None
            and await links.rows(shard, DIRECTORY.shards)
        ):
            raise ShardsError(
                f"HOME_SHARD is {links.home}, but the directory is in the database of shard {shard}: set HOME_SHARD={shard}"
            )
    if name != links.home:
        raise ShardsError(
            f"the home shard comes first: python -m sooner shards add {links.home} (HOME_SHARD says which it is, else "
            "it is the first of DATABASE_URLS)"
        )


def _refuse(elsewhere: Sequence[Mapping[str, Any]], name: str) -> None:
    """Raises ShardsError where a tenant would be on two shards."""
    if elsewhere:
        named = ", ".join(f"{row['tenant']} (on {row['shard']})" for row in elsewhere[:MOST_NAMED])
        more = f" and {len(elsewhere) - MOST_NAMED} more" if len(elsewhere) > MOST_NAMED else ""
        raise ShardsError(
            f"nothing was added: the database of {name} has data of tenants that are on another shard: {named}{more}. "
            "A tenant can be on one shard alone: remove its keys, jobs, uploads and webhooks from this database, and run this again"
        )


async def _register(
    name: str,
    weight: float | None,
    tenants: Mapping[str, str],
    keys: Mapping[bytes, str],
    connection: Connection,
) -> str:
    await rows(connection, PLACING.wait_for_turn)
    locators = list(tenants)
    _refuse(await rows(connection, SQL.elsewhere, shard=name, locators=locators), name)
    [shard] = await rows(connection, SQL.add, name=name, weight=weight)
    [done] = await rows(
        connection, SQL.register, shard=name, locators=locators, tenants=list(tenants.values())
    )
    await rows(connection, SQL.register_keys, digests=list(keys), locators=list(keys.values()))
    what = "added" if shard["is_new"] else "there already"
    draining = ", draining" if shard["is_draining"] else ""
    return (
        f"shard {name}: {what}, weight {shard['weight']:g}{draining}; {_counted(len(tenants), done['added'])}"
    )


def _counted(tenants: int, new: int) -> str:
    if tenants == 0:
        return "its database has no tenants yet"
    return f"tenants in its database: {tenants}, new in the directory: {new}"
