"""API keys from the command line: `python -m src.keys`."""

import argparse
import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from sooner.cli.terminal import in_a_line, plain
from sooner.db import Unavailable, pool
from sooner.jobs.secrets.seal import pair
from sooner.jobs.tenants.keys import Keys
from sooner.process import logs
from sooner.process.settings import HomeSettings, load
from sooner.process.settings.common import MOST_DAYS

_DURATION = re.compile(r"([1-9]\d{0,8})([smhd])")
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


def name(text: str) -> str:
    """The name of a key, which `list` shows on its line."""
    if plain(text) != text or "\n" in text:
        raise argparse.ArgumentTypeError("one line of text, without control characters")
    return text


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m src.keys", description="API keys.")
    commands = top.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key; it is printed once, as the last line")
    create.add_argument("--tenant", required=True, type=tenant)
    create.add_argument("--name", default="", type=name)
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


def scopes(arguments: argparse.Namespace) -> list[str]:
    """The scopes of a new key, each once."""
    return list(dict.fromkeys(arguments.scope or ["jobs"]))


async def _create(keys: Keys, arguments: argparse.Namespace) -> int:
    print(await keys.create(arguments.tenant, arguments.name, scopes(arguments), arguments.expires))
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
    words = (
        str(row["id"]),
        f"tenant={row['tenant']}",
        *facts,
        f"scopes={'+'.join(row['scopes'])}",
        state,
        f"used={used}",
        in_a_line(row["name"]),
    )
    return "  ".join(words)


async def _revoke(keys: Keys, arguments: argparse.Namespace) -> int:
    if await keys.revoke(arguments.id):
        print("revoked")
        return 0
    print("there is no such key that is still good", file=sys.stderr)
    return 1


#: The errors of a database that an operator can mend, and how.
REFUSALS: Mapping[type[Exception], str] = {
    asyncpg.UndefinedTableError: "its schema is missing, or older than this code: alembic upgrade head",
    asyncpg.InsufficientPrivilegeError: "this command needs the address of the schema's owner in DATABASE_URL",
    asyncpg.InvalidAuthorizationSpecificationError: "see user and password in DATABASE_URL",
    asyncpg.InvalidCatalogNameError: "see the database's name in DATABASE_URL",
}

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
    # On standard error: standard output holds keys alone.
    logs.configure("keys", format="text", level="warning")
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
    except tuple(REFUSALS) as error:
        [todo] = [todo for kind, todo in REFUSALS.items() if isinstance(error, kind)]
        print(f"the database refuses: {error}: {todo}", file=sys.stderr)
        return 1
    finally:
        await database.close()


def main() -> None:
    """Run the command line. Raises SystemExit with its exit code."""
    sys.exit(asyncio.run(_run(parser().parse_args())))
