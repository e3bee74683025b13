"""Files as results: made by an actor piece by piece, kept in PostgreSQL, given out as `GET /jobs/{id}/result`."""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import orjson
from typing_extensions import TypedDict

from sooner.db import Database, Queries
from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.files", "sql/files.sql")

CHUNK_BYTES = 256 * 1024

_NAME = re.compile(r"(?!\.{1,2}$)[^\x00-\x1f\x7f/\\]{1,255}")
#: type/subtype and parameters (RFC 9110, section 8.3.1).
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=(\"[^\"\\\x00-\x1f]*\"|[\w.+-]+))*", re.ASCII)


class Reference(TypedDict):
    """What the job document says of a file. `bytes` is its size."""

    id: str
    name: str
    type: str
    bytes: int
    sha256: str


class FileResult(TypedDict):
    """What an actor returns whose result is a file."""

    file: Reference


@dataclass(frozen=True, slots=True)
class File:
    """A whole file."""

    id: UUID
    name: str
    type: str
    bytes: int
    sha256: str


class FileWriter:
    """Takes a file's bytes with the memory of one piece. See `create`."""

    def __init__(self, database: Database, id: UUID, name: str, type: str) -> None:
        self._database = database
        self._id, self._name, self._type = id, name, type
        self._gathered = bytearray()
        self._position = 0
        self._bytes = 0
        self._sha256 = hashlib.sha256()
        self._is_whole = False

    async def write(self, data: bytes) -> None:
        """Add bytes at the end. Raises Unavailable when the database is away."""
        self._gathered += data
        while len(self._gathered) >= CHUNK_BYTES:
            await self._store(bytes(self._gathered[:CHUNK_BYTES]))
            del self._gathered[:CHUNK_BYTES]

    async def _store(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._bytes += len(piece)
        await self._database.run(SQL.chunk, id=self._id, position=self._position, data=piece)
        self._position += 1

    async def complete(self) -> None:
        """There is no more to come."""
        if self._gathered:
            await self._store(bytes(self._gathered))
        digest = self._sha256.hexdigest()
        await self._database.run(SQL.complete, id=self._id, bytes=self._bytes, sha256=digest)
        self._is_whole = True

    @property
    def result(self) -> FileResult:
        """What the actor is to return. Raises RuntimeError before the file is whole."""
        if not self._is_whole:
            raise RuntimeError("the file is not whole yet: leave its `async with` first")
        return {
            "file": {
                "id": str(self._id),
                "name": self._name,
                "type": self._type,
                "bytes": self._bytes,
                "sha256": self._sha256.hexdigest(),
            }
        }


@asynccontextmanager
async def create(name: str, type: str = "application/octet-stream") -> AsyncIterator[FileWriter]:
    """Make a file of the running job, and return `writer.result` from the actor::

        async with files.create("report.csv", "text/csv; charset=utf-8") as report:
            await report.write(b"...")
        return report.result

    It is whole when the block ends; where the block raises, nothing of it stays. It expires with the job.
    Raises ValueError for a name or type that no header can carry, LookupError outside a job.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a file name has 1 to 255 characters, no slash and no control character")
    if not _TYPE.fullmatch(type):
        raise ValueError(f"{type!r} is no media type")
    database, id = worker_resources.database(), uuid7()
    await database.run(SQL.begin, id=id, job=current().id, name=name, type=type)
    try:
        writer = FileWriter(database, id, name, type)
        yield writer
        await writer.complete()
    except BaseException:
        await database.run(SQL.discard, id=id)
        raise


class Files:
    """Reads the files that jobs made. Every method raises Unavailable when the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job: UUID, result: str) -> File | None:
        """The file that a job's result (JSON) refers to; None where it is a result like any other."""
        id = _referred(result)
        row = None if id is None else await self._database.row(SQL.find, id=id, job=job)
        return None if row is None else File(row["id"], row["name"], row["type"], row["bytes"], row["sha256"])

    async def read(self, file: File, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces. Raises LookupError where the file was removed meanwhile."""
        while start < stop:
            position, skipped = divmod(start, CHUNK_BYTES)
            row = await self._database.row(SQL.read, id=file.id, position=position)
            if row is None:
                raise LookupError(f"file {file.id} was removed while it was read")
            piece = row["data"][skipped : skipped + stop - start]
            yield piece
            start += len(piece)


def _referred(result: str) -> UUID | None:
    """The id in what `FileWriter.result` made. Whether the job has such a file is another question."""
    if not result.startswith('{"file": {'):
        return None
    try:
        return UUID(orjson.loads(result)["file"]["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
