"""Finishing: one UPDATE, which attempts that end at the same time share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson

from sooner.db import (
    Link,
    Queries,
    Query,
    Unavailable,
    fitting,
    joined,
)
from sooner.db.retry import forever, unforeseen
from sooner.process import logs
from sooner.queue.transitions import TRANSITIONS

log = logs.get(__name__)

SQL = Queries("sooner.queue", "sql/finish.sql")

#: The most endings, or words of progress, in one statement: one notification carries their ids, in less than 8,000 bytes.
BATCH = 200

#: The least seconds between two writes of progress.
PROGRESS_SECONDS = 0.1


class Unstorable(Exception):
    """PostgreSQL refuses the outcome of an attempt."""

    def __str__(self) -> str:
        return "PostgreSQL refused it as JSON: a NUL character, a number out of range, or too much."


class FollowUp(NamedTuple):
    """A message that the statement which ends a job enqueues, as a stock producer would. `message` is a JSON text."""

    id: UUID
    queue_name: str
    message: str
    delay: float | None = None
    inherits_tenant: bool = True


class Ending(NamedTuple):
    """How an attempt ended: the fields are columns of the queries `finish`, `give_back` and `lose`.

    `state` is done, rejected, cancelled, queued (to be tried again after `pause` seconds, or given back where the attempt is
    not `counted`), or lost, as if the worker had died with the job. `result`, `error`, `raised` (the exception) and `progress`
    are JSON texts. `limit_key` is the limit under which the job runs. The messages in `follow` are enqueued in the statement that writes the ending, the messages in `otherwise`
    where the ending cannot be stored.
    """

    id: UUID
    fence: int
    state: Literal["done", "rejected", "cancelled", "queued", "lost"]
    result: str | None = None
    error: str | None = None
    pause: float = 0
    counted: bool = True
    progress: str | None = None
    raised: str | None = None
    follow: tuple[FollowUp, ...] = ()
    otherwise: tuple[FollowUp, ...] = ()
    limit_key: str | None = None


def length(ending: Ending) -> int:
    """The number of characters of an ending's texts."""
    return (
        len(ending.result or "")
        + len(ending.error or "")
        + len(ending.progress or "")
        + len(ending.raised or "")
        + sum(len(each.message) for each in ending.follow)
    )


def texts(query: Query, endings: Sequence[Ending]) -> dict[str, str]:
    """The endings as parameters of one of the queries."""
    columns = zip(Ending._fields, zip(*endings, strict=True), strict=True)
    return {name: _joined(column) for name, column in columns if name in query.parameters}


def follow_ups(endings: Sequence[Ending]) -> dict[str, str]:
    """The follow-ups of the endings as parameters of the query `finish_followed`."""
    pairs = [(ending.id, each) for ending in endings for each in ending.follow]
    columns = zip(*((id, *each) for id, each in pairs), strict=True)
    names = ("after", "next_id", "queue_name", "message", "delay", "inherits_tenant")
    return {name: _joined(column) for name, column in zip(names, columns, strict=True)}


def _joined(column: Sequence[Any]) -> str:
    return joined([None if value is None else str(value) for value in column])


async def _nothing() -> None:
    pass


class Finisher:
    """Writes endings over one connection of its own: those that gather while a statement runs share the next one.

    `on_written` is called after each statement.
    """

    def __init__(
        self, link: Link, *, retention: float, on_written: Callable[[], None] = lambda: None
    ) -> None:
        self._link = link
        self._retention = retention
        self._waiting: list[Ending] = []
        self._writing: asyncio.Task[None] | None = None
        self._under_way: list[Ending] = []
        self._said: dict[UUID, tuple[int, str]] = {}
        self._saying: asyncio.Task[None] | None = None
        self.on_written = on_written
        #: Awaited before each statement: it writes what is to be there before the endings. Raises Unavailable.
        self.before_writing: Callable[[], Awaitable[None]] = _nothing

    @property
    def unwritten(self) -> int:
        """The number of endings that are not yet in the table."""
        return len(self._waiting) + len(self._under_way)

    @property
    def unwritten_ids(self) -> list[UUID]:
        """The jobs whose endings are not yet in the table."""
        return [ending.id for ending in (*self._waiting, *self._under_way)]

    def finish(self, ending: Ending) -> None:
        """Write an ending soon; while the database is away, try again."""
        if (last := self._said.pop(ending.id, None)) is not None:
            ending = ending._replace(progress=last[1])
        self._waiting.append(ending)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                size = fitting(map(length, self._waiting[:BATCH]))
                batch, self._waiting = self._waiting[:size], self._waiting[size:]
                self._under_way = batch
                await self._write_batch(batch)
                self._under_way = []
                self.on_written()
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[Ending]) -> None:
        try:
            await self._finish(batch)
        except Exception as error:  # noqa: BLE001 - an ending is tried until it is written
            log.warning("endings not written, trying again", error=str(error) or type(error).__name__)
            await self._insist(batch)

    async def _insist(self, batch: Sequence[Ending]) -> None:
        async def write() -> None:
            await forever()(self._finish, batch)

        await unforeseen("writing endings")(write)

    async def _finish(self, endings: Sequence[Ending]) -> None:
        await self.before_writing()
        try:
            finished = await self._write(endings)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a faulty ending must not hold up the others
            log.warning("endings refused, each is written by itself", error=str(error), jobs=len(endings))
            await self._finish_singly(endings)
            return
        for ending in endings:
            if ending.id not in finished:
                log.warning("ending dropped: the job is no longer held here", job=str(ending.id))

    async def _finish_singly(self, endings: Sequence[Ending]) -> None:
        if len(endings) == 1:
            await self._write_unstorable(endings[0])
            return
        for ending in endings:
            await self._finish([ending])

    async def _write(self, endings: Sequence[Ending]) -> set[UUID]:
        """Write endings; the result is the ids of the jobs that were still held."""
        ended = [each for each in endings if each.state not in ("queued", "lost")]
        held = await self._run(TRANSITIONS.finish, [ending for ending in ended if not ending.follow])
        held |= await self._run(TRANSITIONS.finish_followed, [ending for ending in ended if ending.follow])
        held |= await self._run(
            TRANSITIONS.give_back, [ending for ending in endings if ending.state == "queued"]
        )
        held |= await self._run(TRANSITIONS.lose, [ending for ending in endings if ending.state == "lost"])
        return held

    async def _run(self, query: Query, endings: Sequence[Ending]) -> set[UUID]:
        if not endings:
            return set()
        more = follow_ups(endings) if query is TRANSITIONS.finish_followed else {}
        limit_keys = list({ending.limit_key for ending in endings if ending.limit_key is not None})
        rows = await self._link.fetch(
            query, retention=self._retention, limit_keys=limit_keys, **texts(query, endings), **more
        )
        return set(rows[0]["ids"]) if rows else set()

    async def _write_unstorable(self, ending: Ending) -> None:
        error = orjson.dumps(
            {
                "type": "result-not-storable",
                "title": "The result cannot be stored",
                "detail": str(Unstorable()),
            }
        ).decode()
        await self._write([Ending(ending.id, ending.fence, "rejected", error=error, follow=ending.otherwise)])

    def progress(self, id: UUID, fence: int, word: Mapping[str, Any]) -> None:
        """Note a job's progress; the latest is written soon."""
        self._said[id] = (fence, orjson.dumps(word).decode())
        if self._saying is None:
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        try:
            while self._said:
                said, self._said = iter(self._said.items()), {}
                while part := dict(islice(said, BATCH)):
                    await self._write_words(part)
                await asyncio.sleep(PROGRESS_SECONDS)
        finally:
            self._saying = None

    async def _write_words(self, said: Mapping[UUID, tuple[int, str]]) -> None:
        try:
            await self._link.fetch(
                SQL.progress,
                id=list(said),
                fence=[fence for fence, _ in said.values()],
                progress=[word for _, word in said.values()],
            )
        except Exception as error:  # noqa: BLE001 - lost progress harms nobody: the next progress replaces it
            log.warning("progress not written", error=str(error), jobs=len(said))
            if len(said) > 1 and not isinstance(error, Unavailable):
                # Faulty progress of one job must not hold up that of the others.
                for id, word in said.items():
                    await self._write_words({id: word})
