"""What `python -m sooner shards` does."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

from sooner.cli.shards.adding import add
from sooner.cli.shards.links import SQL, ShardLinks, ShardsError
from sooner.cli.shards.moving import move
from sooner.cli.shards.overview import overview
from sooner.cli.terminal import as_json, say
from sooner.process.settings import HomeSettings, load
from sooner.process.settings.shards import ShardUrls

DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130

Action = Callable[[ShardLinks, argparse.Namespace], Awaitable[int]]


class ShardsSettings(HomeSettings):
    """Settings of `python -m sooner shards`: the addresses are those of the schemas' owner."""

    database_urls: ShardUrls


def run(arguments: argparse.Namespace) -> int:
    """Run the action that the command line names; the result is the exit code. Raises SystemExit(78) for wrong settings."""
    try:
        return asyncio.run(_run(load(ShardsSettings), arguments))
    except KeyboardInterrupt:
        return INTERRUPTED


async def _run(settings: ShardsSettings, arguments: argparse.Namespace) -> int:
    links = ShardLinks(settings, "shards")
    try:
        return await ACTIONS[arguments.action](links, arguments)
    except ShardsError as error:
        say(str(error), sys.stderr)
        return REFUSED
    finally:
        await links.close()


async def _list(links: ShardLinks, arguments: argparse.Namespace) -> int:
    found = await overview(links, with_jobs=False)
    if arguments.json:
        say(as_json({"items": found.document()["shards"]}), sys.stdout)
    else:
        for shard in found.shards:
            say(str(shard), sys.stdout)
    return DONE


async def _status(links: ShardLinks, arguments: argparse.Namespace) -> int:
    found = await overview(links, with_jobs=True)
    if arguments.json:
        say(as_json(found.document()), sys.stdout)
    else:
        for line in (*found.shards, *found.moves):
            say(str(line), sys.stdout)
    return DONE if found.ok else FAILED


async def _add(links: ShardLinks, arguments: argparse.Namespace) -> int:
    say(await add(links, arguments.name, arguments.weight), sys.stdout)
    return DONE


async def _drain(links: ShardLinks, arguments: argparse.Namespace) -> int:
    name = arguments.name
    await links.check(links.home)
    rows = await links.rows(links.home, SQL.drain, name=name, is_draining=not arguments.undo)
    if not rows:
        raise ShardsError(
            f"the directory has no shard {name}: python -m sooner shards list names those that it has"
        )
    say(
        _undone(name, rows[0]["weight"]) if arguments.undo else _drained(name, rows[0]["tenants"]), sys.stdout
    )
    return DONE


def _undone(name: str, weight: float) -> str:
    if weight == 0:
        return f"shard {name} still gets no new tenants, its weight is 0: python -m sooner shards add {name} --weight 1"
    return f"shard {name} gets new tenants again"


def _drained(name: str, tenants: int) -> str:
    said = f"shard {name} gets no new tenants"
    if tenants == 0:
        return f"{said}, and has none"
    return (
        f"{said}. Still there: {tenants}. python -m src.keys list shows whose keys are there; "
        "python -m sooner shards move TENANT TO takes a tenant to another shard"
    )


async def _move(links: ShardLinks, arguments: argparse.Namespace) -> int:
    await links.check(links.home)
    outcome = await move(links, arguments.tenant, arguments.to)
    return {True: DONE, False: FAILED, None: INTERRUPTED}[outcome]


ACTIONS: Mapping[str, Action] = {
    "list": _list,
    "add": _add,
    "drain": _drain,
    "status": _status,
    "move": _move,
}
