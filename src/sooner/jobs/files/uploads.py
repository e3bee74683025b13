"""Uploads: web stores them as blobs, which workers on other machines read."""

from collections.abc import AsyncIterable, AsyncIterator, Collection
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from sooner.db import Database, Queries
from sooner.jobs.files.blobs import BlobKind, Blobs
from sooner.jobs.problem import TooLarge
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.files", "sql/uploads.sql")

UPLOADS = BlobKind("uploads", SQL.chunk, SQL.read)


class UploadId(UUID):
    """A UUID that an actor declares as the id of an upload."""

    __slots__ = ()


@dataclass(frozen=True)
class IsUpload:
    """Marks a UUID, or `UUID | None`, as the id of an upload: web refuses unknown ids.

    Its JSON Schema says `"x-upload": true`, so that a form can offer to choose a file.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if source not in (UUID, UUID | None):
            raise TypeError("IsUpload marks a UUID: write Upload, `Upload | None` or `list[Upload]`")
        return core_schema.no_info_after_validator_function(_named, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(core), "x-upload": True}


def _named(value: UUID | None) -> UUID | None:
    return None if value is None else UploadId(int=value.int)


#: The id of an upload, anywhere in the types of an actor's parameters.
Upload = Annotated[UUID, IsUpload()]


def names_upload(value: Any) -> bool:
    """Whether a value of validated parameters is the id of an upload."""
    return isinstance(value, UploadId)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A complete upload."""

    id: UUID
    bytes: int
    sha256: str


class Uploads:
    """Stores and reads uploads of any size with the memory of a few pieces."""

    def __init__(self, database: Database, blobs: Blobs, *, retention_seconds: float) -> None:
        self._database = database
        self._blobs = blobs
        self._retention_seconds = retention_seconds

    async def store(self, tenant: str, body: AsyncIterable[bytes], *, most: int) -> Uploaded:
        """Store a stream of at most `most` bytes.

        Raises TooLarge, and StoreAway when the store of blobs is away. A stream that breaks off leaves nothing behind.
        """
        id = uuid7()
        await self._database.run(SQL.begin, id=id, tenant=tenant, retention=self._retention_seconds)
        try:
            async with self._blobs.writing(id, UPLOADS) as blob:
                async for part in _bounded(body, most):
                    await blob.write(part)
            await self._database.run(SQL.complete, id=id, bytes=blob.bytes, sha256=blob.sha256)
            return Uploaded(id, blob.bytes, blob.sha256)
        except BaseException:
            await self._database.run(SQL.discard, id=id)
            raise

    async def find(self, id: UUID, tenant: str | None) -> Uploaded | None:
        """A tenant's complete upload; None where there is none, or where it is another tenant's."""
        row = await self._database.row(SQL.find, id=id, tenant=tenant)
        return None if row is None else Uploaded(row["id"], row["bytes"], row["sha256"])

    async def missing(self, ids: Collection[UUID], tenant: str | None) -> set[UUID]:
        """The ids of these that are no complete uploads of the tenant."""
        rows = await self._database.rows(SQL.known, ids=list(ids), tenant=tenant)
        return set(ids) - {row["id"] for row in rows}

    def read(self, upload: Uploaded) -> AsyncIterator[bytes]:
        """The bytes, in pieces. Raises BlobGone, StoreAway."""
        return self._blobs.read(upload.id, UPLOADS, 0, upload.bytes)


async def _bounded(body: AsyncIterable[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in body:
        size += len(part)
        if size > most:
            raise TooLarge(f"An upload has at most {most} bytes.")
        yield part
