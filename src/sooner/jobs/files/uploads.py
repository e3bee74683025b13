"""Uploads: files in PostgreSQL, piece by piece, so that web and worker may run on different machines."""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from sooner.db import Database, Queries
from sooner.jobs.problem import TooLarge
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.files", "sql/uploads.sql")

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class IsUpload:
    """Marks a parameter that names an upload: `Annotated[UUID, IsUpload()]`. Unknown ones are refused at once.

    Its JSON Schema says `"x-upload": true`, so that a form can offer to choose a file.
    """

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "x-upload": True}


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole upload."""

    id: UUID
    bytes: int
    sha256: str


class Uploads:
    """Stores and reads uploads of any size with the memory of one piece."""

    def __init__(self, database: Database, *, retention_seconds: float) -> None:
        self._database = database
        self._retention_seconds = retention_seconds

    async def store(self, tenant: str, body: AsyncIterable[bytes], *, most: int) -> Upload:
        """Store a stream of at most `most` bytes.

        Raises TooLarge; whatever ends it before its end leaves nothing behind.
        """
        id = uuid7()
        await self._database.run(SQL.begin, id=id, tenant=tenant, retention=self._retention_seconds)
        try:
            return await self._store(id, body, most)
        except BaseException:
            await self._database.run(SQL.discard, id=id)
            raise

    async def _store(self, id: UUID, body: AsyncIterable[bytes], most: int) -> Upload:
        sha256, size, position = hashlib.sha256(), 0, 0
        async for piece in _pieces(body):
            size += len(piece)
            if size > most:
                raise TooLarge(f"An upload has at most {most} bytes.")
            sha256.update(piece)
            await self._database.run(SQL.chunk, id=id, position=position, data=piece)
            position += 1
        await self._database.run(SQL.complete, id=id, bytes=size, sha256=sha256.hexdigest())
        return Upload(id, size, sha256.hexdigest())

    async def find(self, id: UUID, tenant: str | None) -> Upload | None:
        """A tenant's whole upload; None where there is none, or another tenant's."""
        row = await self._database.row(SQL.find, id=id, tenant=tenant)
        return None if row is None else Upload(row["id"], row["bytes"], row["sha256"])

    async def read(self, id: UUID) -> AsyncIterator[bytes]:
        """The pieces in order."""
        position = 0
        while (row := await self._database.row(SQL.read, id=id, position=position)) is not None:
            yield row["data"]
            position += 1


async def _pieces(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    gathered = bytearray()
    async for part in body:
        gathered += part
        while len(gathered) >= CHUNK_BYTES:
            yield bytes(gathered[:CHUNK_BYTES])
            del gathered[:CHUNK_BYTES]
    if gathered:
        yield bytes(gathered)
