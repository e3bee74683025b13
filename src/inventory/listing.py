"""What a document lists of a large archive: everything counts, and as much is listed as a reader can take."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from src.inventory.archives.limits import MIB
from src.inventory.document import Entry, Inventory, Unlisted
from src.inventory.survey import Survey

#: Bytes up to which test files are listed with their cases, then without; and those of each other list.
FULL_BYTES, MOST_BYTES, OTHER_BYTES = 16 * MIB, 24 * MIB, 2 * MIB


class Listing:
    """The entries of a document, each as JSON."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.unlisted = Unlisted(files=0, tests=0, unreadable=0, undecided=0)
        self._bytes = 0

    def document(self, found: Survey) -> Inventory:
        """The document without its entries, which become `lines`."""
        unreadable, undecided = _first(found.unreadable), _first(found.undecided)
        self.unlisted["unreadable"] = len(found.unreadable) - len(unreadable)
        self.unlisted["undecided"] = len(found.undecided) - len(undecided)
        shown = found._replace(unreadable=unreadable, undecided=undecided)
        document = shown.document(self._noted(found.entries), [])
        if any(self.unlisted.values()):
            document["unlisted"] = self.unlisted
        return document

    def _noted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        for entry in entries:
            self._note(entry)
            yield entry

    def _note(self, entry: Entry) -> None:
        if not self._fits(entry, FULL_BYTES):
            self.unlisted["tests"] += entry["tests"]
            self.unlisted["files"] += not self._fits({**entry, "cases": []}, MOST_BYTES)

    def _fits(self, entry: Entry, most: int) -> bool:
        if self._bytes >= most:
            return False
        line = json.dumps(entry)
        if self._bytes + len(line) > most:
            return False
        self._bytes += len(line)
        self.lines.append(line)
        return True


def _first(items: list[Any]) -> list[Any]:
    """As many as fit."""
    room = OTHER_BYTES
    for taken, item in enumerate(items):
        room -= len(json.dumps(item))
        if room < 0:
            return items[:taken]
    return items
