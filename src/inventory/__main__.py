"""`python -m src.inventory ARCHIVE`: the inventory in processes of its own, one more for each processor.

CPython 3.11 parses one f-string of 500 kB for 22 s without letting go of the GIL, and the syntax tree of a file
of 1 MiB may take 600 MB. A process that answers to others (a worker with its heartbeat) therefore runs this as a child,
bounds its memory, and kills it and its children at will.

Prints JSON, one object a line: `{"progress": {"fraction", "message"}}` any number of times, then either
`{"result": …}` (exit 0) or `{"error": {"type", "title", "detail"}}` (exit 1).
"""

import argparse
import json
import resource
import sys
from pathlib import Path

from src.inventory.archives.limits import MIB
from src.inventory.archives.refusal import ArchiveRefused
from src.inventory.children import processors
from src.inventory.listing import Listing
from src.inventory.survey import Survey, survey


def main() -> int:
    asked = _arguments()
    resource.setrlimit(resource.RLIMIT_AS, (asked.memory_mib * MIB, asked.memory_mib * MIB))
    try:
        _print(survey(asked.archive, progress=_progress, commit=asked.commit, processes=processors()))
    except ArchiveRefused as refusal:
        _say(error={"type": refusal.type, "title": refusal.title, "detail": refusal.detail})
        return 1
    except MemoryError:
        detail = f"Reading the archive took more than {asked.memory_mib} MiB."
        _say(error={"type": "out-of-memory", "title": "The job needed too much memory", "detail": detail})
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m src.inventory", description="Count the tests in an archive."
    )
    parser.add_argument("archive", type=Path)
    parser.add_argument("--commit", help="the commit that the archive was made from")
    parser.add_argument("--memory-mib", type=int, default=1024, help="address space of this process")
    return parser.parse_args()


def _print(found: Survey) -> None:
    """Print the result entry by entry: a hundred thousand of them would take too much memory at once."""
    listing = Listing()
    document = {key: value for key, value in listing.document(found).items() if key != "entries"}
    sys.stdout.write(f'{{"result": {json.dumps(document).removesuffix("}")}, "entries": [')
    for number, line in enumerate(listing.lines):
        sys.stdout.write(f", {line}" if number else line)
    sys.stdout.write("]}}\n")
    sys.stdout.flush()


def _progress(fraction: float, message: str) -> None:
    _say(progress={"fraction": round(fraction, 3), "message": message})


def _say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
