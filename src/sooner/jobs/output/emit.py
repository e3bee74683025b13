"""Putting out pieces from an actor."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from sooner.jobs.context import Current, current
from sooner.jobs.output.piece import text_of


def emit(piece: Any) -> None:
    """Put out a piece of the job's output: text, or any value that JSON has.

    Readers of `GET /jobs/{id}/output` see each piece once and in order. It is cheap, from any thread or task of the job: pieces
    are written together, at most 50 ms later. Outside a job it does nothing. Beyond MAX_OUTPUT_BYTES pieces are dropped.

    Raises OutputNotJson, a `Failure`, for a piece that JSON does not have.
    """
    current().put(text_of(piece))


#: An actor need not await anything between its pieces: the loop has a turn after so many.
PIECES_A_TURN = 100

#: Returns what an actor that yields has to await before its next piece; None for most pieces.
Room = Callable[[Current], Awaitable[None] | None]

_pacing: list[Room] = []


def pace_by(room: Room) -> None:
    """Set how long an actor that yields waits for its pieces to be written. The worker calls this once when it begins."""
    _pacing[:] = [room]


async def collect(pieces: AsyncGenerator[Any, None]) -> str | int:
    """Put out all the pieces that an actor yields. The result is their texts joined, or else their number.

    It waits while too much is unwritten, so that an actor cannot fill the memory.
    """
    texts: list[str] | None = []
    count = 0
    job = current()
    async with aclosing(pieces):
        async for piece in pieces:
            is_kept = job.put(text_of(piece))
            count += 1
            if not isinstance(piece, str):
                texts = None
            elif texts is not None and is_kept:
                texts.append(piece)
            if _pacing and (room := _pacing[0](job)) is not None:
                await room
            if count % PIECES_A_TURN == 0:
                await asyncio.sleep(0)
    return count if texts is None else "".join(texts)
