"""The inventory of one archive: which tests are in it."""

import heapq
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import NamedTuple

from src.inventory.archives.archive import Archive
from src.inventory.archives.limits import MIB, Limits
from src.inventory.archives.member import Member
from src.inventory.children import Children
from src.inventory.document import (
    STATUSES,
    Counts,
    Entry,
    Inventory,
    Undecided,
    Unreadable,
)
from src.inventory.language import Tests
from src.inventory.languages import LANGUAGES, language_of
from src.inventory.reading import Answer, Here, Readers, Task

Progress = Callable[[float, str], None]
"""Is told a fraction from 0 to 1 and a sentence for people, at most about a hundred times."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_STEP = 0.01
#: The part of the work that reading the archive is.
_READING = 0.8
#: Packed files kept in memory.
_KEPT_BYTES = 24 * MIB
#: Said of the archive itself, whose path is ".".
_MORE = "bytes follow the archive that are no part of it; they were left out"


def take(
    path: Path,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    commit: str | None = None,
    processes: int = 0,
) -> Inventory:
    """Count the tests in the archive at `path`, without unpacking it to disk or running anything of it.

    Args:
        path: a tar, tar.gz, tar.bz2, tar.xz, tar.zst or ZIP file; its name does not matter.
        limits: how much of it is read before it is refused.
        progress: told how far the reading has come; what it raises ends the reading.
        commit: the commit that the archive was made from; without it, the one that `git archive` noted in it.
        processes: how many children read the files, each within bounds; 0 reads them in this process.

    Raises:
        ArchiveRefused: the whole archive is refused.
        OSError: the file cannot be read.
    """
    taken = survey(path, limits=limits, progress=progress, commit=commit, processes=processes)
    entries = list(taken.entries)
    return taken.document(entries, entries)


class Survey(NamedTuple):
    """All that an archive holds, its entries yet to be made."""

    entries: Iterator[Entry]
    unreadable: list[Unreadable]
    undecided: list[Undecided]
    commit: str | None
    unread: frozenset[str]
    """Every file that could not be read, whatever its name; `unreadable` tells those that look like tests."""

    def document(self, counted: Iterable[Entry], entries: list[Entry]) -> Inventory:
        """The whole document."""
        total, by_framework, by_language = _none(), dict[str, Counts](), dict[str, Counts]()
        by_status = dict.fromkeys(STATUSES, 0)
        for entry in counted:
            for counts in (
                total,
                by_framework.setdefault(entry["framework"], _none()),
                by_language.setdefault(entry["language"], _none()),
            ):
                _count(counts, entry)
            for case in entry["cases"]:
                by_status[case["status"]] += 1
        return Inventory(
            files=total["files"],
            suites=total["suites"],
            tests=total["tests"],
            by_framework=dict(sorted(by_framework.items())),
            by_language=dict(sorted(by_language.items())),
            by_status=by_status,
            unreadable=self.unreadable,
            undecided=self.undecided,
            commit=self.commit,
            entries=entries,
        )


def survey(
    path: Path,
    *,
    limits: Limits | None = None,
    progress: Progress | None = None,
    commit: str | None = None,
    processes: int = 0,
) -> Survey:
    """Read an archive. See `take`."""
    readers: Readers = Children(processes) if processes else Here()
    try:
        contents = _Contents(path, limits, _Teller(progress), readers)
        contents.read()
        found = [language.tests(contents) for language in LANGUAGES]
    finally:
        readers.close()
    return Survey(
        entries=_by_path(found),
        unreadable=_reasons(found, has_more=contents.has_more),
        undecided=sorted(
            (each for tests in found for each in tests.undecided), key=lambda each: each["path"]
        ),
        commit=commit or _noted_commit(contents.comment),
        unread=frozenset(contents.unreadable).union(
            *(tests.unread | tests.unreadable.keys() for tests in found)
        ),
    )


class _Contents:
    """The files of an archive; of two with one path the later counts, as if unpacked."""

    def __init__(self, path: Path, limits: Limits | None, teller: "_Teller", readers: Readers) -> None:
        self._path = path
        self._limits = limits
        self._teller = teller
        self._readers = readers
        self._turns: dict[str, int] = {}
        self._names: set[str] = set()
        self._kept: dict[str, bytes] = {}
        self._room = _KEPT_BYTES
        self._is_all_kept = True
        self.paths: Sequence[str] = ()
        self.summaries: dict[str, bytes] = {}
        self.unreadable: dict[str, str] = {}
        self.has_more = False
        self.comment: str | None = None

    def read(self) -> None:
        """Read the archive for the first time: all that is likely to matter."""
        with Archive(self._path, self._notes, self._limits) as archive:
            for member in archive:
                self._add(member, is_asked_for=False)
                self._teller.tell(archive.fraction * _READING, f"{len(self.summaries):,} files read")
            self._take(self._readers.rest())
            self.has_more, self.comment = archive.has_more, archive.comment
        self.paths = sorted(self._names)

    def load(self, paths: AbstractSet[str]) -> None:
        """Read the archive again, for files that turned out to matter."""
        for path in list(self._kept):
            if path in paths:
                self._put(path, zlib.decompress(self._kept.pop(path)))
        self._take(self._readers.rest())
        if self._is_all_kept:
            return
        with Archive(
            self._path, lambda path: path in paths and path not in self.summaries, self._limits
        ) as archive:
            for member in archive:
                self._add(member, is_asked_for=True)
            self._take(self._readers.rest())

    def tell(self, done: int, of: int) -> None:
        """Tell how many test files have been looked at."""
        self._teller.tell(_READING + (1 - _READING) * done / of, f"{done:,} test files read")

    def _notes(self, path: str) -> bool:
        self._names.add(path)
        return language_of(path) is not None

    def _add(self, member: Member, *, is_asked_for: bool) -> None:
        self._turns[member.path] = self._turns.get(member.path, 0) + 1
        for known in (self.summaries, self.unreadable, self._kept):
            known.pop(member.path, None)
        language = language_of(member.path)
        if member.problem or language is None:
            self.unreadable[member.path] = member.problem or "is in no known language"
        elif is_asked_for or LANGUAGES[language].is_needed(member.path, member.content):
            self._put(member.path, member.content)
        elif LANGUAGES[language].reads_again:
            self._keep(member)

    def _put(self, path: str, content: bytes) -> None:
        language = language_of(path)
        if language is not None:
            self._take(self._readers.put(Task(self._turns[path], language, path, content)))

    def _keep(self, member: Member) -> None:
        """Keep a file that may be asked for, as long as there is room: reading an archive again takes long."""
        packed = zlib.compress(member.content, 1)
        self._room -= len(packed)
        if self._room >= 0:
            self._kept[member.path] = packed
        else:
            self._is_all_kept = False

    def _take(self, answers: Iterable[Answer]) -> None:
        for each in answers:
            if each.turn != self._turns[each.path]:
                continue
            if each.summary is None:
                self.unreadable[each.path] = each.reason
            else:
                self.summaries[each.path] = each.summary


class _Teller:
    """Tells progress in steps that are worth it."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._reached = 0.0

    def tell(self, fraction: float, message: str) -> None:
        """Tell it if it is far enough from what was told last."""
        if self._progress and fraction >= self._reached + _STEP:
            self._reached = fraction
            self._progress(fraction, message)


def _by_path(found: list[Tests]) -> Iterator[Entry]:
    """The entries of all languages, none of them made before it is asked for."""
    return heapq.merge(*(tests.entries for tests in found), key=lambda entry: entry["path"])


def _reasons(found: list[Tests], *, has_more: bool) -> list[Unreadable]:
    reasons: Mapping[str, str] = {
        path: reason for tests in found for path, reason in tests.unreadable.items()
    }
    told = [Unreadable(path=path, reason=reasons[path]) for path in sorted(reasons)]
    return [Unreadable(path=".", reason=_MORE), *told] if has_more else told


def _none() -> Counts:
    return Counts(files=0, suites=0, tests=0)


def _count(counts: Counts, entry: Entry) -> None:
    counts["files"] += 1
    counts["suites"] += entry["suites"]
    counts["tests"] += entry["tests"]


def _noted_commit(comment: str | None) -> str | None:
    return comment if comment and _COMMIT.fullmatch(comment) else None
