"""The unpacked bytes of a tar, bounded while they are read."""

import bz2
import gzip
import lzma
from typing import BinaryIO, Protocol

from src.inventory.limits import Limits
from src.inventory.refusal import Bomb, TooLarge

_CHUNK = 64 * 1024


class Readable(Protocol):
    """All that a stream is asked for."""

    def read(self, size: int, /) -> bytes: ...


class BoundedStream:
    """Passes `source` on and counts; refuses at the byte that exceeds what `packed` bytes may unpack to.

    Raises TooLarge past the total, Bomb past the ratio.
    """

    def __init__(self, source: Readable, packed: int, limits: Limits) -> None:
        self._source = source
        self._packed = packed
        self._limits = limits
        self._count = 0

    def read(self, size: int = _CHUNK) -> bytes:
        chunk = self._source.read(size)
        self._count += len(chunk)
        check_unpacked(self._count, self._packed, self._limits)
        return chunk


class XzStream:
    """An .xz file unpacked with bounded memory.

    `lzma.LZMAFile` takes no memory limit for reading, and a header of a few bytes may ask for a dictionary
    of 4 GiB.
    """

    def __init__(self, source: BinaryIO, memory: int) -> None:
        self._source = source
        self._memory = memory
        self._unpacker = self._next_unpacker()

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (chunk := self._some(size)):
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)

    def _next_unpacker(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=self._memory)

    def _some(self, size: int) -> bytes:
        while True:
            packed = self._packed()
            if self._unpacker.eof:
                packed = packed.lstrip(b"\0")
                if not packed:
                    return b""
                self._unpacker = self._next_unpacker()
            elif not packed and self._unpacker.needs_input:
                raise EOFError("the xz stream ends too early")
            if chunk := self._unpacker.decompress(packed, size):
                return chunk

    def _packed(self) -> bytes:
        if self._unpacker.eof:
            return self._unpacker.unused_data or self._source.read(_CHUNK)
        return self._source.read(_CHUNK) if self._unpacker.needs_input else b""


def unpacked(file: BinaryIO, limits: Limits) -> Readable:
    """The content of `file`, unpacked if its first bytes are those of gzip, bzip2 or xz."""
    magic = file.read(6)
    file.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if magic == b"\xfd7zXZ\0":
        return XzStream(file, limits.xz_memory_bytes)
    return file


def check_unpacked(unpacked_bytes: int, packed: int, limits: Limits) -> None:
    """Raise TooLarge or Bomb if `packed` bytes unpack to more than the limits allow."""
    if unpacked_bytes > limits.total_bytes:
        raise TooLarge(f"The archive unpacks to more than {limits.total_bytes:,} bytes.")
    if unpacked_bytes > limits.unpacked_bytes(packed):
        raise Bomb(f"The archive unpacks to more than {limits.ratio} times its {packed:,} bytes.")
