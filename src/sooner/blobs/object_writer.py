"""Writing an object piece by piece."""

import asyncio
from collections.abc import AsyncIterator

from sooner.blobs.store import PART_BYTES, Store

#: How long a store may take to forget the parts of an aborted object.
ABORT_SECONDS = 10.0


class Aborted(Exception):
    """Ends a stream of pieces: obstore then removes the parts that it has sent. A cancelled call leaves them there."""


class ObjectWriter:
    """Writes one object with the memory of a few parts; the store has it once `complete` has returned.

    Every method raises StoreAway. After an exception `abort` has to be called.
    """

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._first_part = bytearray()
        self._pieces: asyncio.Queue[bytes | Aborted | None] = asyncio.Queue(1)
        self._putting: asyncio.Future[None] | None = None

    async def write(self, piece: bytes) -> None:
        """Add bytes at the end."""
        if self._putting is None and len(self._first_part) + len(piece) <= PART_BYTES:
            self._first_part += piece
            return
        if self._putting is None:
            self._putting = asyncio.ensure_future(self._store.put(self._key, self._given()))
            await self._give(self._putting, self._take_first_part())
        await self._give(self._putting, piece)

    async def complete(self) -> None:
        """Store what is left. An object of one part takes one request."""
        if self._putting is None:
            self._putting = asyncio.ensure_future(self._store.put(self._key, self._take_first_part()))
        else:
            await self._give(self._putting, None)
        await asyncio.shield(self._putting)

    async def abort(self) -> bool:
        """Store nothing. False where an object may be there all the same."""
        if self._putting is None:
            return True
        if not self._pieces.empty():
            self._pieces.get_nowait()
        self._pieces.put_nowait(Aborted())
        await asyncio.wait((self._putting,), timeout=ABORT_SECONDS)
        self._putting.cancel()
        return (
            self._putting.done()
            and not self._putting.cancelled()
            and isinstance(self._putting.exception(), Aborted)
        )

    def _take_first_part(self) -> bytes:
        part, self._first_part = bytes(self._first_part), bytearray()
        return part

    async def _given(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Aborted):
                raise piece
            yield piece

    async def _give(self, putting: "asyncio.Future[None]", piece: bytes | None) -> None:
        giving = asyncio.ensure_future(self._pieces.put(piece))
        try:
            await asyncio.wait((giving, putting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            giving.cancel()
        if putting.done():
            putting.result()
