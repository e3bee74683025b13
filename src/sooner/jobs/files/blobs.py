"""Blobs: the bytes of uploads and files, in pieces in PostgreSQL, or in the store of BLOB_URL.

A blob in a store has a row that comes before its object and goes after it, so that no object is ever forgotten.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import asyncpg

from sooner.blobs import BlobGone, ObjectWriter, Store, StoreAway, Stores
from sooner.db import Database, Queries, Query, Unavailable

SQL = Queries("sooner.jobs.files", "sql/blobs.sql")

CHUNK_BYTES = 256 * 1024
#: The objects that are removed at once.
BATCH = 20
NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class BlobKind:
    """What blobs belong to: the folder of their objects, and the statements for their pieces in PostgreSQL."""

    folder: str
    chunk: Query
    read: Query


class BlobWriter:
    """Passes on the bytes of a blob in pieces of one size, and sums them up. See `Blobs.writing`."""

    def __init__(self, keep: Callable[[bytes], Awaitable[None]]) -> None:
        self._keep = keep
        self._gathered = bytearray()
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The digest of the pieces passed on."""
        return self._sha256.hexdigest()

    async def write(self, data: bytes) -> None:
        """Add bytes at the end. Raises Unavailable, StoreAway."""
        self._gathered += data
        while len(self._gathered) >= CHUNK_BYTES:
            await self._pass_on(bytes(self._gathered[:CHUNK_BYTES]))
            del self._gathered[:CHUNK_BYTES]

    async def flush(self) -> None:
        """Pass on the last piece. Raises Unavailable, StoreAway."""
        if self._gathered:
            await self._pass_on(bytes(self._gathered))
            self._gathered.clear()

    async def _pass_on(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self.bytes += len(piece)
        await self._keep(piece)


class Blobs:
    """Writes, reads and removes blobs. Every method raises Unavailable when the database is away."""

    def __init__(self, database: Database, stores: Stores) -> None:
        self._database = database
        self._stores = stores

    @asynccontextmanager
    async def writing(self, id: UUID, kind: BlobKind) -> AsyncIterator[BlobWriter]:
        """Write the blob of an upload or file whose row is there already. A block that raises leaves nothing behind.

        Raises StoreAway.
        """
        store = self._stores.chosen
        async with self._rows(id, kind) if store is None else self._object(id, kind, store) as keep:
            writer = BlobWriter(keep)
            yield writer
            await writer.flush()

    @asynccontextmanager
    async def _rows(self, id: UUID, kind: BlobKind) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        positions = count()

        async def keep(piece: bytes) -> None:
            await self._database.run(kind.chunk, id=id, position=next(positions), data=piece)

        yield keep

    @asynccontextmanager
    async def _object(
        self, id: UUID, kind: BlobKind, store: Store
    ) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
        key = f"{kind.folder}/{id}"
        await self._database.run(SQL.begin, id=id, store=store.url, key=key)
        writer = ObjectWriter(store, key)
        try:
            yield writer.write
            await writer.complete()
        except BaseException:
            # Where an object may be there all the same, its row stays for the cleaning.
            if await writer.abort():
                with contextlib.suppress(Unavailable):
                    await self._database.run(SQL.forget, ids=[id])
            raise
        if await self._database.row(SQL.complete, id=id) is None:
            await store.remove(key)
            raise BlobGone(f"blob {id} was removed while it was written")

    async def read(self, id: UUID, kind: BlobKind, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces. Raises BlobGone, StoreAway."""
        while start < stop:
            position, skipped = divmod(start, CHUNK_BYTES)
            row = await self._database.row(kind.read, id=id, position=position)
            if row is None:
                break
            piece = row["data"][skipped : skipped + stop - start]
            yield piece
            start += len(piece)
        if start < stop:
            row = await self._find(id)
            async for piece in self._stores.at(row["store"]).read(row["key"], start, stop):
                yield piece

    async def _find(self, id: UUID) -> Mapping[str, Any]:
        row = None
        # The schema of one revision before has no such table.
        with contextlib.suppress(asyncpg.UndefinedTableError):
            row = await self._database.row(SQL.find, id=id)
        if row is None:
            raise BlobGone(f"blob {id} is not there")
        return row

    async def remove_orphans(self) -> int:
        """Remove the objects whose upload or file is gone. Raises StoreAway once those in other stores are removed."""
        after, away, removed = NIL, dict[str, StoreAway](), 0
        with contextlib.suppress(asyncpg.UndefinedTableError):
            while rows := await self._database.rows(SQL.orphans, after=after, away=list(away), batch=BATCH):
                removed += await self._remove(rows, away)
                after = rows[-1]["id"]
        for error in away.values():
            raise error
        return removed

    async def _remove(self, orphans: Sequence[Mapping[str, Any]], away: dict[str, StoreAway]) -> int:
        async def gone(orphan: Mapping[str, Any]) -> bool:
            try:
                await self._stores.at(orphan["store"]).remove(orphan["key"])
            except StoreAway as error:
                away[orphan["store"]] = error
                return False
            return bool(orphan["is_settled"])

        gone_now = await asyncio.gather(*map(gone, orphans))
        ids = [orphan["id"] for orphan, is_gone in zip(orphans, gone_now, strict=True) if is_gone]
        await self._database.run(SQL.forget, ids=ids)
        return len(ids)
