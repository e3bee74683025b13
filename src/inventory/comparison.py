"""How the tests of one commit differ from those of another."""

import heapq
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, repeat

from src.inventory.archives.limits import MIB
from src.inventory.document import Comparison, Entry, TestName, Uncompared
from src.inventory.survey import Survey

#: Bytes of each list of a comparison.
LIST_BYTES = MIB

Tally = Counter[tuple[str, bool]]
"""How many cases of a file have a name, and are skipped or not."""


class Comparing:
    """Compares entries with those of a base while they pass: two large inventories never are in memory together.

    Cases are the same by file and name. A file that could not be read on either side is not compared.
    """

    def __init__(self, ref: str, base: Survey, now: Survey) -> None:
        self._ref = ref
        self._base = base
        self._left_out = base.unread | now.unread
        self._added, self._removed, self._newly_skipped = _Names(), _Names(), _Names()

    def noted(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Pass entries on, which are sorted by path."""
        both = heapq.merge(zip(repeat("then"), self._base.entries), zip(repeat("now"), entries), key=_path)
        for path, sides in groupby(both, _path):
            tallies = {"then": Tally(), "now": Tally()}
            for side, entry in sides:
                _count(tallies[side], entry)
                if side == "now":
                    yield entry
            if path not in self._left_out:
                self._compare(path, tallies["then"], tallies["now"])

    def document(self) -> Comparison:
        """What differs, once all entries have passed."""
        found = Comparison(
            ref=self._ref,
            commit=self._base.commit,
            added=self._added.listed,
            removed=self._removed.listed,
            newly_skipped=self._newly_skipped.listed,
        )
        unlisted = Uncompared(
            added=self._added.unlisted,
            removed=self._removed.unlisted,
            newly_skipped=self._newly_skipped.unlisted,
        )
        if any(unlisted.values()):
            found["unlisted"] = unlisted
        return found

    def _compare(self, path: str, then: Tally, now: Tally) -> None:
        for name in dict.fromkeys(name for name, _ in chain(now, then)):
            more_run = now[name, False] - then[name, False]
            more_skipped = now[name, True] - then[name, True]
            self._added.add(path, name, more_run + more_skipped)
            self._removed.add(path, name, -more_run - more_skipped)
            self._newly_skipped.add(path, name, min(-more_run, more_skipped))


class _Names:
    """The names of cases, as many as fit; the others are counted."""

    def __init__(self) -> None:
        self.listed: list[TestName] = []
        self.unlisted = 0
        self._room = LIST_BYTES

    def add(self, path: str, name: str, times: int) -> None:
        """Add a name; a file may have several cases of one name."""
        for _ in range(times):
            test = TestName(path=path, name=name)
            self._room -= len(json.dumps(test))
            if self._room >= 0:
                self.listed.append(test)
            else:
                self.unlisted += 1


def _path(side: tuple[str, Entry]) -> str:
    return side[1]["path"]


def _count(tally: Tally, entry: Entry) -> None:
    tally.update((case["name"], case["status"] == "skipped") for case in entry["cases"])
