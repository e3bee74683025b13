"""Rows from one connection to another, by PostgreSQL's binary COPY, without ever being all in memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from sooner.db import Query
from sooner.db.link import Connection
from sooner.jobs.moving.move_end import MoveEnd
from sooner.jobs.moving.tables import MovedTable

#: The pieces, of some 64 kB each, that have been read and not yet been written.
MOST_PIECES = 8


async def pipe(
    source: MoveEnd, reader: Connection, query: Query, writer: Connection, table: MovedTable, **values: Any
) -> None:
    """Write the rows of a query on the source's connection into a table's staging on another connection.

    Raises ShardLost where the source is lost; errors of the writer as they are.
    """
    await writer.execute(table.stage.positional)
    pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(MOST_PIECES)

    async def read() -> None:
        arguments = query.arguments(values)
        try:
            await source.read(
                reader.copy_from_query(query.positional, *arguments, output=pieces.put, format="binary")
            )
        except Exception as error:  # noqa: BLE001 - it is raised where the rows arrive
            await pieces.put(error)
        else:
            await pieces.put(None)

    reading = asyncio.create_task(read())
    try:
        await writer.copy_to_table(
            table.staging,
            source=_arriving(pieces),
            columns=table.bare,
            format="binary",
            schema_name="pg_temp",
        )
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _arriving(pieces: asyncio.Queue[bytes | Exception | None]) -> AsyncIterator[bytes]:
    while (piece := await pieces.get()) is not None:
        if isinstance(piece, Exception):
            raise piece
        yield piece
