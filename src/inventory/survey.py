"""The inventory of one archive: which tests are in it."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from src.inventory import bounded
from src.inventory.archives.archive import Archive
from src.inventory.archives.limits import Limits
from src.inventory.archives.member import Member
from src.inventory.document import (
    STATUSES,
    Counts,
    Entry,
    Inventory,
    Unreadable,
)
from src.inventory.language import language_of
from src.inventory.python.source import SourceUnreadable

Progress = Callable[[float, str], None]
"""Is told a fraction from 0 to 1 and a sentence for people, at most about a hundred times."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_STEP = 0.01
#: Said of the archive itself, whose path is ".".
_MORE = "bytes follow the archive that are no part of it; they were left out"


def take(
    path: Path, *, limits: Limits | None = None, progress: Progress | None = None, commit: str | None = None
) -> Inventory:
    """Count the tests in the archive at `path`, without unpacking it to disk or running anything of it.

    Args:
        path: a tar, tar.gz, tar.bz2, tar.xz, tar.zst or ZIP file; its name does not matter.
        limits: how much of it is read before it is refused.
        progress: told how far the reading has come; what it raises ends the reading.
        commit: the commit that the archive was made from; without it, the one that `git archive` noted in it.

    Raises:
        ArchiveRefused: the whole archive is refused.
        OSError: the file cannot be read.
    """
    survey = Survey()
    reached = 0.0
    with Archive(path, survey.wants, limits) as archive:
        for member in archive:
            survey.add(member)
            if progress and archive.fraction >= reached + _STEP:
                reached = archive.fraction
                progress(reached, f"{survey.files:,} test files read")
        return survey.document(commit or _noted_commit(archive.comment), has_more=archive.has_more)


class Survey:
    """Gathers the test files of an archive; of two files with one path the later counts, as if unpacked."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._unreadable: dict[str, str] = {}
        self._environments: set[str] = set()

    @property
    def files(self) -> int:
        return len(self._entries)

    def wants(self, path: str) -> bool:
        """Whether the content behind a path of the archive is needed."""
        folder, _, name = path.rpartition("/")
        if name == "pyvenv.cfg":
            self._environments.add(folder)
        return language_of(path) is not None

    def add(self, member: Member) -> None:
        self._entries.pop(member.path, None)
        self._unreadable.pop(member.path, None)
        language = language_of(member.path)
        if member.problem or language is None:
            self._unreadable[member.path] = member.problem or "is in no known language"
            return
        try:
            entry = bounded.read(language.read, member.path, member.content)
        except SourceUnreadable as error:
            self._unreadable[member.path] = str(error)
            return
        if entry["tests"] or entry["suites"]:
            self._entries[member.path] = entry

    def document(self, commit: str | None, *, has_more: bool = False) -> Inventory:
        entries = [self._entries[path] for path in sorted(self._entries) if self._is_own(path)]
        reasons = {path: self._unreadable[path] for path in sorted(self._unreadable) if self._is_own(path)}
        if has_more:
            reasons = {".": _MORE, **reasons}
        return Inventory(
            **_counts(entries),
            by_framework=_grouped(entries, lambda entry: entry["framework"]),
            by_language=_grouped(entries, lambda entry: entry["language"]),
            by_status={status: _cases(entries, status) for status in STATUSES},
            unreadable=[Unreadable(path=path, reason=reason) for path, reason in reasons.items()],
            commit=commit,
            entries=entries,
        )

    def _is_own(self, path: str) -> bool:
        # As pytest, leave out a virtual environment that was packed along.
        folders = path.split("/")[:-1]
        return not any(
            "/".join(folders[:depth]) in self._environments for depth in range(1, len(folders) + 1)
        )


def _counts(entries: Iterable[Entry]) -> Counts:
    counts = Counts(files=0, suites=0, tests=0)
    for entry in entries:
        counts["files"] += 1
        counts["suites"] += entry["suites"]
        counts["tests"] += entry["tests"]
    return counts


def _grouped(entries: list[Entry], key: Callable[[Entry], str]) -> dict[str, Counts]:
    return {name: _counts(e for e in entries if key(e) == name) for name in sorted({key(e) for e in entries})}


def _cases(entries: list[Entry], status: str) -> int:
    return sum(case["status"] == status for entry in entries for case in entry["cases"])


def _noted_commit(comment: str | None) -> str | None:
    return comment if comment and _COMMIT.fullmatch(comment) else None
