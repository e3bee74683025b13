"""Finishing: one UPDATE, shared by the attempts that end at the same time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson

from src import logs
from src.db import Group, Link, Queries
from src.db.retry import forever

log = logs.get(__name__)

SQL = Queries("src.queue", "sql/finish.sql")

#: Progress is written at most this often a job.
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: the fields are arrays of the query `finish`.

    `state` is done, rejected, cancelled, or queued (to be tried again after `pause` seconds, or given back
    where the attempt is not `counted`). `result` and `error` are JSON texts.
    """

    id: UUID
    fence: int
    state: Literal["done", "rejected", "cancelled", "queued"]
    result: str | None = None
    error: str | None = None
    pause: float = 0
    counted: bool = True


class Finisher:
    """Writes endings over one connection of its own; concurrent calls share statements."""

    def __init__(self, link: Link, *, retention: float) -> None:
        self._link = link
        self._retention = retention
        self._group: Group[Ending, bool] = Group(self._finish)
        self._said: dict[UUID, tuple[int, str]] = {}
        self._saying: asyncio.Task[None] | None = None

    async def finish(self, ending: Ending) -> bool:
        """Write an ending: whether the job was still held. Goes on trying while the database is away."""
        async for attempt in forever():
            with attempt:
                return await self._group(ending)
        raise AssertionError("unreachable")

    async def _finish(self, endings: Sequence[Ending]) -> Sequence[bool | BaseException]:
        for ending in endings:
            self._said.pop(ending.id, None)
        try:
            finished = await self._write(endings)
        except asyncpg.DataError:
            if len(endings) == 1:
                return [await self._write_unstorable(endings[0])]
            return [(await self._finish([ending]))[0] for ending in endings]
        return [ending.id in finished for ending in endings]

    async def _write(self, endings: Sequence[Ending]) -> set[UUID]:
        rows = await self._link.fetch(
            SQL.finish,
            id=[ending.id for ending in endings],
            fence=[ending.fence for ending in endings],
            state=[ending.state for ending in endings],
            result=[ending.result for ending in endings],
            error=[ending.error for ending in endings],
            pause=[ending.pause for ending in endings],
            counted=[ending.counted for ending in endings],
            retention=self._retention,
        )
        return {row["message_id"] for row in rows}

    async def _write_unstorable(self, ending: Ending) -> bool:
        error = orjson.dumps(
            {
                "type": "result-not-storable",
                "title": "The result cannot be stored",
                "detail": "PostgreSQL refused it as JSON: a NUL character, or a number out of range.",
            }
        ).decode()
        return bool(await self._write([Ending(ending.id, ending.fence, "rejected", error=error)]))

    def progress(self, id: UUID, fence: int, word: Mapping[str, Any]) -> None:
        """Note how far a job is; the latest word wins, and is written soon."""
        self._said[id] = (fence, orjson.dumps(word).decode())
        if self._saying is None:
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        try:
            while self._said:
                said, self._said = self._said, {}
                await self._link.fetch(
                    SQL.progress,
                    id=list(said),
                    fence=[fence for fence, _ in said.values()],
                    progress=[word for _, word in said.values()],
                )
                await asyncio.sleep(PROGRESS_SECONDS)
        except Exception as error:  # noqa: BLE001 - a lost word of progress harms nobody: the next one says more
            log.warning("progress not written", error=str(error))
        finally:
            self._saying = None

    async def drain(self) -> None:
        """Wait until every ending under way is written."""
        await self._group.drain()
