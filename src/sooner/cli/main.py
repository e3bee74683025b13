"""`python -m sooner`: the commands of a terminal."""

import argparse
import shlex
import sys
from pathlib import Path

from sooner.cli import jobs
from sooner.cli.shards import command as shards
from sooner.template.new import NotNewError, new
from sooner.template.wheel import NoWheelError


def main() -> None:
    """Run the command line. Raises SystemExit with its exit code."""
    arguments = _parser().parse_args()
    if arguments.command == "shards":
        raise SystemExit(shards.run(arguments))
    if arguments.command != "new":
        raise SystemExit(jobs.run(arguments))
    try:
        new(arguments.folder)
    except (NotNewError, NoWheelError) as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    print(f"Made {arguments.folder}. Now: cd {shlex.quote(str(arguments.folder))} && ./ops/run")


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m sooner", description="Slow work behind a browser frontend.")
    commands = top.add_subparsers(dest="command", required=True)
    create = commands.add_parser("new", help="make a project: an actor, a schedule, a table, a test")
    create.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is not there yet")
    jobs.add_to(commands)
    shards.add_to(commands)
    return top
