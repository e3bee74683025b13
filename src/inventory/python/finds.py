"""The tests that were found so far, file by file."""

import marshal
from collections.abc import Iterator
from dataclasses import dataclass, field

from src.inventory.document import Status
from src.inventory.python.status import weakest

#: Files whose tests stay unpacked: what is found in a file is often found in several steps.
_MOST_UNPACKED = 500


@dataclass(slots=True)
class Found:
    """The tests that are written in one file: (line, name written there) to (name, status), and the classes collected."""

    tests: dict[tuple[int, str], tuple[str, Status]] = field(default_factory=dict)
    suites: set[int] = field(default_factory=set)
    has_test_case: bool = False

    def add(self, key: tuple[int, str], name: str, status: Status) -> None:
        """Note a test; run in several places, it has the status of the place that runs most of it."""
        if key in self.tests:
            name, other = self.tests[key]
            status = weakest(status, other)
        self.tests[key] = (name, status)

    def join(self, other: "Found") -> None:
        """Take over what was found meanwhile."""
        for key, (name, status) in other.tests.items():
            self.add(key, name, status)
        self.suites |= other.suites
        self.has_test_case |= other.has_test_case

    def packed(self) -> bytes:
        """The same in a tenth of the memory."""
        return marshal.dumps((self.tests, self.suites, self.has_test_case))

    @classmethod
    def unpacked(cls, packed: bytes) -> "Found":
        """What was packed."""
        return cls(*marshal.loads(packed))  # noqa: S302 - packed by this program itself


class Finds:
    """What was found in each file; a hundred thousand files fit."""

    def __init__(self) -> None:
        self._unpacked: dict[str, Found] = {}
        self._packed: dict[str, bytes] = {}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._packed, *self._unpacked])

    def get(self, path: str) -> Found | None:
        """What was found in a file."""
        if (packed := self._packed.get(path)) is not None:
            return Found.unpacked(packed)
        return self._unpacked.get(path)

    def pop(self, path: str) -> Found | None:
        """What was found in a file, for the last time."""
        found = self.get(path)
        self._packed.pop(path, None)
        self._unpacked.pop(path, None)
        return found

    def join(self, path: str, found: Found) -> None:
        """Add what was found meanwhile."""
        if (packed := self._packed.pop(path, None)) is not None:
            self._unpacked[path] = Found.unpacked(packed)
        self._unpacked.setdefault(path, Found()).join(found)
        if len(self._unpacked) > _MOST_UNPACKED:
            self._packed.update({each: one.packed() for each, one in self._unpacked.items()})
            self._unpacked.clear()
