"""The wanted files of a tar, read as a stream and never unpacked to disk."""

import tarfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Self, cast

from src.inventory.archives.damage import damage_refused
from src.inventory.archives.limits import KIB, Limits
from src.inventory.archives.member import Member, safe_path
from src.inventory.archives.no_archive import of_no_archive
from src.inventory.archives.refusal import (
    Damaged,
    TooLarge,
    UnknownFormat,
    Unsupported,
)
from src.inventory.archives.stream import BoundedStream, PackedStream, unpacked

_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
#: Kinds of headers that tarfile reads nothing out of but name and size.
_ORDINARY = (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE)
#: A header's own checksum counts as spaces in it.
_BLANK_CHECKSUM = 8 * ord(" ")


class Tarball:
    """A tar, plain or packed with gzip, bzip2, xz or zstd, of `packed` bytes.

    Iterating yields the members whose path `wanted` accepts, in the archive's order. Links, devices and
    other entries that are no regular file are never followed: they come with a `problem`.
    """

    def __init__(self, file: BinaryIO, packed: int, limits: Limits, wanted: Callable[[str], bool]) -> None:
        self._file = file
        self._packed = packed
        self._limits = limits
        self._wanted = wanted
        self.has_more = False
        """Whether bytes that are no part of the archive follow it, once read."""
        self.comment: str | None = None
        """The comment of the global header, where `git archive` writes the commit."""

    def __iter__(self) -> Iterator[Member]:
        header = _header_class(self._limits)
        with damage_refused():
            source = unpacked(self._file, self._limits)
            stream = BoundedStream(source, self._packed, self._limits)
            with self._open(stream, header) as tar:
                yield from self._members(tar)
                # All packings compare their checksum only at the very end.
                self.has_more = _has_more(tar)
            self.has_more |= isinstance(source, PackedStream) and source.has_more

    def _members(self, tar: tarfile.TarFile) -> Iterator[Member]:
        while (entry := tar.next()) is not None:
            # tarfile remembers every entry it has read; a stream has no use for them.
            cast(Any, tar).members.clear()
            self.comment = tar.pax_headers.get("comment", self.comment)
            path = safe_path(entry.name, self._limits.path_bytes)
            if not entry.isdir() and self._wanted(path):
                yield self._member(tar, entry, path)

    def _open(self, stream: BoundedStream, header: type["_Header"]) -> tarfile.TarFile:
        try:
            # A stream is never sought backwards, so no entry can be read twice.
            return tarfile.open(
                fileobj=cast(BinaryIO, stream),
                mode="r|",
                bufsize=64 * KIB,
                tarinfo=header,
                errors="surrogateescape",
            )
        except tarfile.ReadError as error:
            if header.seen:
                raise
            raise UnknownFormat(of_no_archive(self._file)) from error

    def _member(self, tar: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> Member:
        if entry.issym() or entry.islnk():
            return Member(path, problem="is a link; links are not followed")
        if not entry.isreg():
            return Member(path, problem="is no regular file")
        if entry.size > self._limits.file_bytes:
            return Member(path, problem=f"is larger than {self._limits.file_bytes:,} bytes")
        return Member(path, _content(tar, entry, path))


def _has_more(tar: tarfile.TarFile) -> bool:
    """Whether anything but zeros follows the end of a tar, which is read to the end of its stream."""
    stream, found = cast(BinaryIO, tar.fileobj), False
    while block := stream.read(64 * KIB):
        found = found or bool(block.strip(b"\0"))
    return found


def _ends_archive(block: bytes | bytearray) -> bool:
    return len(block) == tarfile.BLOCKSIZE and not any(block)


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: str) -> bytes:
    content = tar.extractfile(entry)
    data = content.read(entry.size) if content else b""
    if len(data) != entry.size:
        raise Damaged(f"The archive ends inside {path!r}.")
    return data


class _Header(tarfile.TarInfo):
    """Checks each 512-byte header block before tarfile acts on it.

    tarfile reads extended headers whole into memory, keeps global ones, takes a broken header for the
    archive's end, and believes negative sizes (CVE-2025-8194). It also reads many fields that nobody asks for.
    """

    limits = Limits()
    seen = 0
    global_bytes = 0

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = cls._ordinary(buf, encoding, errors) or super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if cls.seen and not _ends_archive(buf):
                raise Damaged(
                    f"After entry {cls.seen:,} comes neither a header nor the end: {error}."
                ) from error
            raise
        cls._count(header)
        return header

    @classmethod
    def _ordinary(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self | None:
        """The header of a file or folder, or of what extends one; None leaves any other block to tarfile."""
        kind = bytes(buf[156:157])
        if kind not in _ORDINARY or buf[257:262] != b"ustar" or len(buf) != tarfile.BLOCKSIZE:
            return None
        checksum, size = _octal(buf[148:156]), _octal(buf[124:136])
        if size is None or checksum != sum(buf) - sum(buf[148:156]) + _BLANK_CHECKSUM:
            return None
        header = cls(_text(buf[:100], encoding, errors))
        header.type, header.size, header.chksum = kind, size, checksum
        if buf[345]:
            header.name = f"{_text(buf[345:500], encoding, errors)}/{header.name}"
        if kind == tarfile.DIRTYPE:
            header.name = header.name.rstrip("/")
        return header

    @classmethod
    def _count(cls, header: tarfile.TarInfo) -> None:
        cls.seen += 1
        if cls.seen > cls.limits.entries:
            raise TooLarge(f"The archive holds more than {cls.limits.entries:,} entries.")
        if header.size < 0:
            raise Damaged(f"Entry {cls.seen:,} has a negative size.")
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise Unsupported("The archive holds sparse files; pack it without them.")
        if header.type in _EXTENDED:
            cls._count_extended(header)

    @classmethod
    def _count_extended(cls, header: tarfile.TarInfo) -> None:
        if header.type == tarfile.XGLTYPE:
            cls.global_bytes += header.size
        if header.size > cls.limits.header_bytes or cls.global_bytes > cls.limits.global_header_bytes:
            raise TooLarge(f"The extended header before entry {cls.seen:,} is too long.")

    def _proc_gnusparse_10(self, *_: Any) -> None:
        # Called by tarfile; its own version reads a map of any length into memory.
        raise Unsupported("The archive holds sparse files; pack it without them.")


def _octal(field: bytes | bytearray) -> int | None:
    """A number of a header; None if it is written in another way."""
    digits = field.strip(b"\0 ")
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else None


def _text(field: bytes | bytearray, encoding: str, errors: str) -> str:
    return field.partition(b"\0")[0].decode(encoding, errors)


def _header_class(limits: Limits) -> type[_Header]:
    """A class of its own per archive: tarfile takes a class, so the counters live on it."""
    return type("_Header", (_Header,), {"limits": limits})
