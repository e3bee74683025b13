"""Files as results: an actor writes them piece by piece, a blob keeps them, `GET /jobs/{id}/result` sends them."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

import orjson
from typing_extensions import TypedDict

from sooner.db import Database, Queries
from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.jobs.files.blobs import BlobKind, Blobs, BlobWriter
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.files", "sql/files.sql")

FILES = BlobKind("files", SQL.chunk, SQL.read)

_NAME = re.compile(r"(?!\.{1,2}$)[^\x00-\x1f\x7f/\\]{1,255}")
#: type/subtype and parameters (RFC 9110, section 8.3.1).
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=(\"[^\"\\\x00-\x1f]*\"|[\w.+-]+))*", re.ASCII)


class Reference(TypedDict):
    """A file's entry in the job document; `bytes` is its size."""

    id: str
    name: str
    type: str
    bytes: int
    sha256: str


class FileResult(TypedDict):
    """The result of an actor whose result is a file."""

    file: Reference


@dataclass(frozen=True, slots=True)
class File:
    """A complete file."""

    id: UUID
    name: str
    type: str
    bytes: int
    sha256: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The file of a row that has a column for each field, and maybe more."""
        return cls(**{field: row[field] for field in cls.__slots__})


class FileWriter:
    """Writes a file with the memory of a few pieces. See `create`."""

    def __init__(self, blob: BlobWriter, id: UUID, name: str, type: str) -> None:
        self._blob = blob
        self._id, self._name, self._type = id, name, type
        self.is_whole = False

    async def write(self, data: bytes) -> None:
        """Add bytes at the end. Raises Unavailable when the database is away, StoreAway when the store of files is."""
        await self._blob.write(data)

    @property
    def result(self) -> FileResult:
        """The value for the actor to return. Raises RuntimeError before the file is complete."""
        if not self.is_whole:
            raise RuntimeError("the file is not whole yet: leave its `async with` first")
        return {
            "file": {
                "id": str(self._id),
                "name": self._name,
                "type": self._type,
                "bytes": self._blob.bytes,
                "sha256": self._blob.sha256,
            }
        }


@asynccontextmanager
async def create(name: str, type: str = "application/octet-stream") -> AsyncIterator[FileWriter]:
    """Make a file of the running job; the actor returns `writer.result`::

        async with create_file("report.csv", "text/csv; charset=utf-8") as report:
            await report.write(b"...")
        return report.result

    The file is complete when the block ends. A block that raises removes it. It expires with the job.
    Raises ValueError for a name or type that no HTTP header can carry, LookupError outside a job.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a file name has 1 to 255 characters, no slash and no control character")
    if not _TYPE.fullmatch(type):
        raise ValueError(f"{type!r} is no media type")
    database, id = worker_resources.database(), uuid7()
    blobs = Blobs(database, worker_resources.stores())
    await database.run(SQL.begin, id=id, job=current().id, name=name, type=type)
    try:
        async with blobs.writing(id, FILES) as blob:
            writer = FileWriter(blob, id, name, type)
            yield writer
        await database.run(SQL.complete, id=id, bytes=blob.bytes, sha256=blob.sha256)
        writer.is_whole = True
    except BaseException:
        await database.run(SQL.discard, id=id)
        raise


class Files:
    """Reads the files that jobs made. Every method raises Unavailable when the database is away."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    async def of(self, job: UUID, result: str) -> File | None:
        """The file that a job's result (JSON) refers to; None where the result is no file."""
        id = _referred(result)
        row = None if id is None else await self._database.row(SQL.find, id=id, job=job)
        return None if row is None else File.of(row)

    def read(self, file: File, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces.

        Raises BlobGone, and StoreAway when its store is away.
        """
        return self._blobs.read(file.id, FILES, start, stop)


def _referred(result: str) -> UUID | None:
    """The file's id in a result that `FileWriter.result` made, without a look whether the job has that file."""
    if not result.startswith('{"file": {'):
        return None
    try:
        return UUID(orjson.loads(result)["file"]["id"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
