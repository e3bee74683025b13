"""`python -m src.keys` where there are several databases: each key lies in the shard of its tenant."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import tenacity

from sooner.cli.keys import line, scopes
from sooner.cli.shards.links import OnTheMove, ShardLinks, ShardsError, told
from sooner.db import pool
from sooner.jobs.tenants.keys import Keys
from sooner.jobs.tenants.placer import CannotPlace, Placer
from sooner.process.settings import HomeSettings

#: The most seconds that a command waits for a tenant that is being moved.
MOVE_SECONDS = 5.0

patiently = tenacity.AsyncRetrying(
    retry=tenacity.retry_if_exception_type(OnTheMove),
    wait=tenacity.wait_fixed(0.2),
    stop=tenacity.stop_after_delay(MOVE_SECONDS),
    reraise=True,
)


async def run(settings: HomeSettings, arguments: argparse.Namespace) -> int:
    """Run a command on all shards; the result is the exit code."""
    links = ShardLinks(settings, "keys")
    try:
        return await COMMANDS[arguments.command](links, arguments)
    except (ShardsError, CannotPlace) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        await links.close()


@contextlib.asynccontextmanager
async def _opened(links: ShardLinks, shard: str) -> AsyncIterator[Keys]:
    """The keys in one shard's database. Raises ShardsError."""
    database = pool(links.urls[shard], "keys", size=1, direct=False)
    try:
        with told(shard):
            await database.connect(wait_seconds=0)
            yield Keys(database)
    finally:
        await database.close()


async def _create(links: ShardLinks, arguments: argparse.Namespace) -> int:
    print(await patiently(_create_once, links, arguments))
    return 0


async def _create_once(links: ShardLinks, arguments: argparse.Namespace) -> str:
    with told(links.home):
        place = await Placer(links[links.home]).place(arguments.tenant)
    if place.shard not in links.names:
        raise ShardsError(
            f"tenant {arguments.tenant} is on shard {place.shard}, which DATABASE_URLS does not name: put "
            f"{place.shard}=postgresql://… there"
        )
    async with _opened(links, place.shard) as keys:
        return await keys.create(arguments.tenant, arguments.name, scopes(arguments), arguments.expires)


async def _list(links: ShardLinks, arguments: argparse.Namespace) -> int:
    found = await _each(links, _all_keys)
    rows = [(row, shard) for shard, rows in found.items() if isinstance(rows, list) for row in rows]
    for row, shard in sorted(rows, key=lambda each: (each[0]["created_at"], each[0]["id"]), reverse=True):
        print(line(row, f"shard={shard}"))
    return _name_faults(found)


async def _revoke(links: ShardLinks, arguments: argparse.Namespace) -> int:
    async def revoke(keys: Keys) -> bool:
        return await keys.revoke(arguments.id)

    return await patiently(_revoke_once, links, revoke)


async def _revoke_once(links: ShardLinks, revoke: Callable[[Keys], Awaitable[bool]]) -> int:
    # While its tenant moves a key may be in two databases.
    found = await _each(links, revoke)
    if True in found.values():
        print("revoked")
        return 0
    for fault in found.values():
        if isinstance(fault, OnTheMove):
            raise fault
    print("there is no such key that is still good", *_where(found), file=sys.stderr)
    _name_faults(found)
    return 1


def _where(found: Mapping[str, object]) -> Sequence[str]:
    """The shards that were looked at, where others are away."""
    looked = [shard for shard, answer in found.items() if answer is False]
    return [] if len(looked) == len(found) else [f"on {', '.join(looked) or 'no shard'}"]


async def _each(links: ShardLinks, use: Callable[[Keys], Awaitable[Any]]) -> dict[str, Any]:
    """What `use` answers in each shard's database, all of them asked at once; the error of one that cannot answer."""

    async def one(shard: str) -> Any:
        try:
            async with _opened(links, shard) as keys:
                return await use(keys)
        except ShardsError as error:
            return error

    return dict(zip(links.names, await asyncio.gather(*map(one, links.names)), strict=True))


async def _all_keys(keys: Keys) -> list[Mapping[str, Any]]:
    return await keys.list()


def _name_faults(found: Mapping[str, object]) -> int:
    """Name the shards that did not answer; the exit code says whether there are any."""
    faults = [answer for answer in found.values() if isinstance(answer, ShardsError)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


COMMANDS: Mapping[str, Callable[[ShardLinks, argparse.Namespace], Awaitable[int]]] = {
    "create": _create,
    "list": _list,
    "revoke": _revoke,
}
