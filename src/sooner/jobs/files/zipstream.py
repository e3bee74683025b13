"""A ZIP archive as a stream: written in one pass, with the memory of the bytes not yet passed on."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import IO

from sooner.jobs.files.files import FileWriter


class ZipStream:
    """Writes members of unknown size, one after another, into a FileWriter."""

    def __init__(self, writer: FileWriter) -> None:
        self._writer = writer
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    @asynccontextmanager
    async def member(self, name: str) -> AsyncIterator["Member"]:
        """Begin a member; `Member.write` takes its bytes."""
        info = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        member = self._zip.open(info, "w", force_zip64=True)
        try:
            yield Member(self, member)
        finally:
            await asyncio.to_thread(member.close)
        await self.flush()

    async def flush(self) -> None:
        """Pass on the bytes written so far."""
        await self._writer.write(self._sink.take())

    async def end(self) -> None:
        """Write the archive's directory."""
        await asyncio.to_thread(self._zip.close)
        await self.flush()


class Member:
    """One member being written. A thread deflates, so that the event loop goes on."""

    def __init__(self, archive: ZipStream, file: IO[bytes]) -> None:
        self._archive = archive
        self._file = file

    async def write(self, data: bytes) -> None:
        """Add bytes."""
        await asyncio.to_thread(self._file.write, data)
        await self._archive.flush()


class _Sink(io.RawIOBase):
    """The file that zipfile writes into. It cannot seek, so zipfile writes each member's sizes behind it."""

    def __init__(self) -> None:
        self._gathered = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._gathered += piece
        return len(piece)

    def take(self) -> bytes:
        gathered, self._gathered = bytes(self._gathered), bytearray()
        return gathered
