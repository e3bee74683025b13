"""API keys from the command line: `python -m src.keys`."""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from sooner.db import Unavailable, pool
from sooner.jobs.secrets.seal import pair
from sooner.jobs.tenants.keys import Keys
from sooner.process.settings import HomeSettings, load

_DURATION = re.compile(r"([1-9]\d{0,8})([smhd])")
#: A hundred years: the database's calendar, and Python's, end somewhere.
MOST_DAYS = 36_500
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """The seconds of a duration such as `30s`, `15m`, `12h` or `90d`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration (30s, 15m, 12h, 90d)")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > MOST_DAYS * _UNITS["d"]:
        raise argparse.ArgumentTypeError(
            f"{text!r} is more than {MOST_DAYS}d: leave it out for a key that never expires"
        )
    return seconds


def tenant(text: str) -> str:
    """A tenant's name."""
    if not re.fullmatch(r"[\w.@:-]{1,100}", text):
        raise argparse.ArgumentTypeError("1 to 100 letters, digits or any of . _ - @ :")
    return text


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m src.keys", description="API keys.")
    commands = top.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key; it is printed once, as the last line")
    create.add_argument("--tenant", required=True, type=tenant)
    create.add_argument("--name", default="")
    create.add_argument(
        "--scope", action="append", choices=["jobs", "admin"], help="jobs where none is given"
    )
    create.add_argument(
        "--expires", type=duration, metavar="90d", help="30s, 15m, 12h, 90d; never where not given"
    )
    commands.add_parser("list", help="all keys, id first")
    revoke = commands.add_parser("revoke", help="take a key back; holds within 5 s")
    revoke.add_argument("id", type=UUID)
    commands.add_parser("secrets", help="make a pair for secret parameters: no database is needed")
    return top


async def _create(keys: Keys, arguments: argparse.Namespace) -> int:
    scopes = arguments.scope or ["jobs"]
    print(await keys.create(arguments.tenant, arguments.name, scopes, arguments.expires))
    return 0


async def _list(keys: Keys, arguments: argparse.Namespace) -> int:
    for row in await keys.list():
        print(line(row))
    return 0


def line(row: Mapping[str, Any], *facts: str) -> str:
    """A line of `list`, with further facts in it."""
    expires = f"{row['expires_at']:%Y-%m-%dT%H:%M:%SZ}" if row["expires_at"] else "never"
    state = "revoked" if row["revoked_at"] else f"expires={expires}"
    used = f"{row['last_used_at']:%Y-%m-%dT%H:%M:%SZ}" if row["last_used_at"] else "never"
    scopes = "+".join(row["scopes"])
    words = (
        str(row["id"]),
        f"tenant={row['tenant']}",
        *facts,
        f"scopes={scopes}",
        state,
        f"used={used}",
        row["name"],
    )
    return "  ".join(words)


async def _revoke(keys: Keys, arguments: argparse.Namespace) -> int:
    if await keys.revoke(arguments.id):
        print("revoked")
        return 0
    print("there is no such key that is still good", file=sys.stderr)
    return 1


COMMANDS: dict[str, Callable[[Keys, argparse.Namespace], Awaitable[int]]] = {
    "create": _create,
    "list": _list,
    "revoke": _revoke,
}


async def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "secrets":
        public, private = pair()
        print(f"SECRETS_PUBLIC_KEY={public}", f"SECRETS_PRIVATE_KEY={private}", sep="\n")
        return 0
    settings = load(HomeSettings)
    if settings.database_urls:
        from sooner.cli.shards import keys as of_shards

        return await of_shards.run(settings, arguments)
    database = pool(settings.database_url, "keys", size=1, direct=False)
    try:
        await database.connect(wait_seconds=5)
        return await COMMANDS[arguments.command](Keys(database), arguments)
    except (Unavailable, OSError) as error:
        print(f"the database is away: {error}", file=sys.stderr)
        return 1
    finally:
        await database.close()


def main() -> None:
    """Run the command line. Raises SystemExit with its exit code."""
    sys.exit(asyncio.run(_run(parser().parse_args())))
