"""The command line of `python -m sooner shards list | add | drain | status | move`, for operators of several databases."""

import argparse
import math
from typing import Any


def add_to(commands: Any) -> None:
    """Add the commands to a command line. `sooner.cli.shards.actions` runs each by its name, in `action`."""
    top = commands.add_parser(
        "shards", help="several databases: DATABASE_URLS has the addresses of their owner"
    )
    below = top.add_subparsers(dest="action", required=True)
    _with_json(below.add_parser("list", help="each shard, its weight and its tenants"))
    adding = below.add_parser("add", help="make a database a shard, or change a shard's weight")
    adding.add_argument("name", metavar="NAME", help="its name in DATABASE_URLS")
    adding.add_argument(
        "--weight",
        type=weight,
        metavar="W",
        help="how many tenants it takes, compared with others: 1 at first; 0 takes none",
    )
    drain = below.add_parser("drain", help="place no new tenants on a shard")
    drain.add_argument("name", metavar="NAME")
    drain.add_argument("--undo", action="store_true", help="place new tenants there again")
    moving = below.add_parser(
        "move", help="bring a tenant to another shard while it works; again: go on with a move that stopped"
    )
    moving.add_argument("tenant", metavar="TENANT")
    moving.add_argument("to", metavar="TO", help="the shard; that from which it moves takes the move back")
    _with_json(
        below.add_parser(
            "status", help="each shard's jobs, and the moves under way; exit 1 where something is wrong"
        )
    )


def weight(text: str) -> float:
    """A weight on a command line."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no weight: a number of 0 or more")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Run a command: 0 done, 1 not, 2 refused; the result is the exit code. Raises SystemExit(78) for wrong settings."""
    # The other commands of `python -m sooner` need no database.
    from sooner.cli.shards import actions

    return actions.run(arguments)


def _with_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON, for programs")
