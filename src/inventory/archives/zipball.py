"""The wanted files of a ZIP, read in memory and never unpacked to disk."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import BinaryIO

from src.inventory.archives.damage import damage_refused
from src.inventory.archives.limits import MIB, Limits
from src.inventory.archives.member import Member, safe_path
from src.inventory.archives.refusal import (
    Bomb,
    Damaged,
    Encrypted,
    TooLarge,
)
from src.inventory.archives.stream import check_unpacked

_ENTRY_SIGNATURE = b"PK\x01\x02"
_END_SIGNATURE = b"PK\x05\x06"
_END_BYTES = 22
_LONGEST_COMMENT = 0xFFFF
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED_FLAGS = 0x1 | 0x40
_BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Zipball:
    """A ZIP of `packed` bytes.

    Iterating yields the members whose path `wanted` accepts, in the directory's order. Links and other
    entries that are no regular file, and methods other than stored and deflated, come with a `problem`.
    """

    def __init__(self, file: BinaryIO, packed: int, limits: Limits, wanted: Callable[[str], bool]) -> None:
        self._file = file
        self._packed = packed
        self._limits = limits
        self._wanted = wanted
        self.has_more = False
        """Whether bytes that are no part of the archive follow it, once read."""
        self.comment: str | None = None
        """The archive's comment, where `git archive` writes the commit."""

    def __iter__(self) -> Iterator[Member]:
        with damage_refused():
            self._check_count()
            with zipfile.ZipFile(self._file) as archive:
                self.comment = archive.comment.decode("ascii", "replace")
                self.has_more = self._has_more(len(archive.comment))
                for entry, path in self._checked(archive):
                    if not entry.is_dir() and self._wanted(path):
                        yield self._member(archive, entry, path)

    def _check_count(self) -> None:
        """Count before ZipFile does: it makes an object per entry of the directory, however many there are."""
        count, tail = 0, b""
        while chunk := self._file.read(MIB):
            block = tail + chunk
            count += block.count(_ENTRY_SIGNATURE)
            tail = block[-(len(_ENTRY_SIGNATURE) - 1) :]
            if count > self._limits.entries:
                raise TooLarge(f"The archive holds more than {self._limits.entries:,} entries.")
        self._file.seek(0)

    def _has_more(self, comment: int) -> bool:
        """Whether anything but zeros follows the record that ends a ZIP (APPNOTE 4.3.16) and its comment."""
        self._file.seek(max(0, self._packed - _END_BYTES - _LONGEST_COMMENT))
        tail = self._file.read()
        end = tail.rfind(_END_SIGNATURE) + _END_BYTES + comment
        return bool(tail[end:].strip(b"\0"))

    def _checked(self, archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, str]]:
        entries = archive.infolist()
        if any(entry.flag_bits & _ENCRYPTED_FLAGS for entry in entries):
            raise Encrypted("The archive holds encrypted entries; pack it without a password.")
        check_unpacked(sum(entry.file_size for entry in entries), self._packed, self._limits)
        _check_overlap(entries, archive.start_dir)
        return [(entry, self._path(entry)) for entry in entries]

    def _path(self, entry: zipfile.ZipInfo) -> str:
        # orig_filename still has the NUL and what follows it; ZipFile cuts both off.
        return safe_path(entry.orig_filename.replace("\\", "/"), self._limits.path_bytes)

    def _member(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: str) -> Member:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind == stat.S_IFLNK:
            return Member(path, problem="is a link; links are not followed")
        if kind not in (0, stat.S_IFREG):
            return Member(path, problem="is no regular file")
        # zipfile bounds what one read unpacks for these two methods alone.
        if entry.compress_type not in _BOUNDED_METHODS:
            return Member(path, problem=f"is packed with method {entry.compress_type}; only deflate is read")
        if entry.file_size > self._limits.file_bytes:
            return Member(path, problem=f"is larger than {self._limits.file_bytes:,} bytes")
        with archive.open(entry) as content:
            return Member(path, content.read())


def _check_overlap(entries: list[zipfile.ZipInfo], directory: int) -> None:
    """Refuse entries that share bytes, the trick of a bomb that needs no nesting (Fifield, WOOT 2019)."""
    spans = sorted((entry.header_offset, entry.header_offset + _span(entry)) for entry in entries)
    if spans and spans[0][0] < 0:
        raise Damaged("An entry starts before the archive does.")
    for (_, end), (start, _) in pairwise([*spans, (directory, directory)]):
        if start < end:
            raise Bomb("Entries of the archive overlap each other.")


def _span(entry: zipfile.ZipInfo) -> int:
    return _LOCAL_HEADER_BYTES + len(entry.orig_filename) + entry.compress_size
