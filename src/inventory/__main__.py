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
from src.inventory.comparison import Comparing
from src.inventory.listing import Listing
from src.inventory.survey import Survey, survey


def main() -> int:
    asked = _arguments()
    resource.setrlimit(resource.RLIMIT_AS, (asked.memory_mib * MIB, asked.memory_mib * MIB))
    try:
        base = _survey(asked.base, asked.base_commit, 0, 0.5) if asked.base else None
        found = _survey(asked.archive, asked.commit, 0.5 if base else 0)
        _print(found, Comparing(asked.base_ref, base, found) if base else None)
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
    parser.add_argument("--base", type=Path, help="the archive that this one is compared with")
    parser.add_argument("--base-ref", help="what it was asked for by", default="")
    parser.add_argument("--base-commit", help="the commit that it was made from")
    parser.add_argument("--memory-mib", type=int, default=1024, help="address space of this process")
    return parser.parse_args()


def _survey(archive: Path, commit: str | None, start: float, end: float = 1) -> Survey:
    def tell(fraction: float, message: str) -> None:
        _say(progress={"fraction": round(start + (end - start) * fraction, 3), "message": message})

    return survey(archive, progress=tell, commit=commit, processes=processors())


def _print(found: Survey, comparing: Comparing | None) -> None:
    """Print the result entry by entry: a hundred thousand of them would take too much memory at once."""
    listing = Listing()
    if comparing:
        found = found._replace(entries=comparing.noted(found.entries))
    document = listing.document(found)
    if comparing:
        document["comparison"] = comparing.document()
    head = {key: value for key, value in document.items() if key != "entries"}
    sys.stdout.write(f'{{"result": {json.dumps(head).removesuffix("}")}, "entries": [')
    for number, line in enumerate(listing.lines):
        sys.stdout.write(f", {line}" if number else line)
    sys.stdout.write("]}}\n")
    sys.stdout.flush()


def _say(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
