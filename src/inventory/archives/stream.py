"""The unpacked bytes of a tar, bounded while they are read."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import BinaryIO, Protocol

from sooner.process.zstd import zstd
from src.inventory.archives.limits import Limits
from src.inventory.archives.refusal import Bomb, TooLarge

_CHUNK = 64 * 1024
#: What broken zstd raises.
ZstdError = zstd.ZstdError


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


class Unpacker(Protocol):
    """One compressed stream, as `bz2`, `lzma` and `compression.zstd` have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gunzip:
    """`zlib`, in the words of the others. It checks each member's checksum."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._may_hold_more = False

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail and not self._may_hold_more

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        try:
            chunk = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        except zlib.error as error:
            # tarfile takes a zlib.error in the first header for a file that is no tar.
            raise OSError(str(error)) from error
        self._may_hold_more = len(chunk) == max_length
        return chunk


class PackedStream:
    """A file of one or more compressed streams, unpacked with bounded memory.

    What follows the last stream and begins no other is left out, as gzip, bzip2 and tar do: `has_more` says so.
    """

    def __init__(self, source: BinaryIO, magic: bytes, unpacker: Callable[[], Unpacker]) -> None:
        self._source = source
        self._magic = magic
        self._next = unpacker
        self._unpacker = unpacker()
        self.has_more = False

    def read(self, size: int, /) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (chunk := self._some(size)):
            parts.append(chunk)
            size -= len(chunk)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        while not self.has_more:
            packed = self._packed()
            if self._unpacker.eof:
                if not packed:
                    return b""
                packed += self._source.read(len(self._magic))
                self.has_more = not packed.startswith(self._magic)
                if self.has_more:
                    return b""
                self._unpacker = self._next()
            elif not packed and self._unpacker.needs_input:
                raise EOFError("the compressed stream ends too early")
            if chunk := self._unpacker.decompress(packed, size):
                return chunk
        return b""

    def _packed(self) -> bytes:
        if self._unpacker.eof:
            return self._behind_padding(self._unpacker.unused_data)
        return self._source.read(_CHUNK) if self._unpacker.needs_input else b""

    def _behind_padding(self, chunk: bytes) -> bytes:
        """What follows a stream, from its first byte that is no zero on: padding may be longer than a chunk."""
        rest = chunk.lstrip(b"\0")
        while not rest and (chunk := self._source.read(_CHUNK)):
            rest = chunk.lstrip(b"\0")
        return rest


def unpacked(file: BinaryIO, limits: Limits) -> Readable:
    """The content of `file`, unpacked if its first bytes are those of gzip, bzip2, xz or zstd."""
    head = file.read(_LONGEST_MAGIC)
    file.seek(0)
    for magic, unpacker in UNPACKERS.items():
        if head.startswith(magic):
            return PackedStream(file, magic, partial(unpacker, limits.unpacker_bytes))
    return file


def _xz(memory: int) -> Unpacker:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory)


def _zstd(memory: int) -> Unpacker:
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: memory.bit_length() - 1}
    return zstd.ZstdDecompressor(options=options)


#: By the first bytes of a file. A header of a few bytes may ask xz and zstd for a window of gigabytes, so they get a bound.
UNPACKERS: Mapping[bytes, Callable[[int], Unpacker]] = {
    b"\x1f\x8b": lambda _: _Gunzip(),
    b"BZh": lambda _: bz2.BZ2Decompressor(),
    b"\xfd7zXZ\0": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}
_LONGEST_MAGIC = max(map(len, UNPACKERS))


def check_unpacked(unpacked_bytes: int, packed: int, limits: Limits) -> None:
    """Raise TooLarge or Bomb if `packed` bytes unpack to more than the limits allow."""
    if unpacked_bytes > limits.total_bytes:
        raise TooLarge(f"The archive unpacks to more than {limits.total_bytes:,} bytes.")
    if unpacked_bytes > limits.unpacked_bytes(packed):
        raise Bomb(f"The archive unpacks to more than {limits.ratio} times its {packed:,} bytes.")
