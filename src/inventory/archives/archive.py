"""An archive on disk, whatever its format."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from src.inventory.archives.limits import Limits
from src.inventory.archives.member import Member
from src.inventory.archives.stream import UNPACKERS
from src.inventory.archives.tarball import Tarball
from src.inventory.archives.zipball import Zipball

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


class Archive:
    """The wanted files of a tar, tar.gz, tar.bz2, tar.xz, tar.zst or ZIP, told apart by content, not by name.

    Nothing is unpacked to disk and no link is followed. Paths are as the archive has them, a common leading
    folder included. Use as a context manager, iterate once; memory holds one file at a time. Iterating raises
    an ArchiveRefused as soon as the archive breaks a rule; opening raises OSError like `open`.
    """

    def __init__(self, path: Path, wanted: Callable[[str], bool], limits: Limits | None = None) -> None:
        self._size = path.stat().st_size
        self._file = path.open("rb")
        kind = Zipball if _is_zip(self._file) else Tarball
        self._ball: Tarball | Zipball = kind(self._file, self._size, limits or Limits(), wanted)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Member]:
        return iter(self._ball)

    @property
    def has_more(self) -> bool:
        """Whether bytes follow the archive that are no part of it, once read."""
        return self._ball.has_more

    @property
    def comment(self) -> str | None:
        """The archive's own comment, once read; `git archive` writes the commit there."""
        return self._ball.comment

    @property
    def fraction(self) -> float:
        """How much of the file on disk has been read, 0 to 1; for a ZIP roughly."""
        return min(1.0, self._file.tell() / self._size) if self._size else 1.0


def _is_zip(file: BinaryIO) -> bool:
    """Whether it is a ZIP, also one behind a program that reads it (a zipapp)."""
    head = file.read(512)
    file.seek(0)
    if head.startswith(_ZIP_MAGICS):
        return True
    # A plain tar of before POSIX says nothing, and begins with a name.
    if head.startswith(tuple(UNPACKERS)) or head[257:262] == b"ustar":
        return False
    found = zipfile.is_zipfile(file)
    file.seek(0)
    return found
