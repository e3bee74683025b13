"""The directory: which shard has which tenant, remembered so that its database may be away for a while."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sooner.db import Breaker, Group, Link, Listener, Queries, Query, Unavailable
from sooner.db.bounded import answer
from sooner.db.retry import or_again
from sooner.jobs.tenants.locator import is_locator
from sooner.process import logs

SQL = Queries("sooner.jobs.tenants", "sql/directory.sql")

log = logs.get(__name__)

CHANNEL = "sooner.directory"
#: A place that was read this long ago is read again when it is next asked for.
FRESH_SECONDS = 5.0
FRESH_SECONDS_WITHOUT_LISTEN = 1.0
#: A place that was read this long ago is read before it is answered, where the home is there: a mover takes this for granted.
OLD_SECONDS = 8.0
#: The least seconds between two looks past the cache, and those for which a locator or a key stays unknown.
AGAIN_SECONDS = 1.0
#: The seconds between two looks of somebody who waits for a change that no notification tells of.
POLL_SECONDS = 1.0
POLL_SECONDS_WITHOUT_LISTEN = 0.2
#: The most seconds that anybody waits for the home's answer.
ANSWER_SECONDS = 1.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tenant is; `previous` is the shard where some of its jobs still lie, `is_frozen` says that it is being moved."""

    shard: str
    previous: str | None = None
    is_frozen: bool = False


class Directory(Protocol):
    """Says where a tenant is, by its locator."""

    def known(self, locator: str) -> Place | None:
        """The place as it was read a moment ago; None where it was not."""

    async def find(self, locator: str) -> Place | None:
        """The place; None where there is no such tenant. Raises Unavailable where it is not known and the home is away."""

    async def find_anew(self, locator: str) -> Place | None:
        """The place as it is now, for one who found nothing at the known one. Raises Unavailable as `find` does."""

    async def changed(self, locator: str, seen: Place, seconds: float) -> Place | None:
        """The place once it is another than `seen` and its tenant is not frozen there; after so many seconds, as it is then."""

    async def locator_of_digest(self, digest: bytes) -> str | None:
        """The locator of the tenant whose key has this digest and carries none; None for no such key. Raises Unavailable."""

    def start(self) -> None:
        """Begin to listen."""

    async def stop(self) -> None:
        """Stop listening, and disconnect."""


class Sole:
    """The directory of a service with one database: all tenants are there, and nobody is asked."""

    def __init__(self, shard: str) -> None:
        self._place = Place(shard)

    def known(self, locator: str) -> Place | None:
        """The one place."""
        return self._place

    async def find(self, locator: str) -> Place | None:
        """The one place."""
        return self._place

    async def find_anew(self, locator: str) -> Place | None:
        """The one place."""
        return self._place

    async def changed(self, locator: str, seen: Place, seconds: float) -> Place | None:
        """The one place, after so many seconds."""
        await asyncio.sleep(seconds)
        return self._place

    async def locator_of_digest(self, digest: bytes) -> str | None:
        """None: no key is known here."""
        return None

    def start(self) -> None:
        """Nothing."""

    async def stop(self) -> None:
        """Nothing."""


@dataclass(slots=True)
class Entry:
    """A place that was read at a moment of time.monotonic(); `is_doubtful` once it may have changed since."""

    place: Place
    read_at: float
    is_doubtful: bool = False


class CachedDirectory:
    """The directory in the home shard's database, remembered.

    What is remembered is answered at once for `OLD_SECONDS`, and read again in the background; for longer only while the home is
    away. Notifications of changes say what to read again at once. Concurrent askers share one statement.
    """

    def __init__(self, url: str, *, listen: bool = True, breaker: Breaker | None = None) -> None:
        self._link = Link(url, "directory", direct=listen, command_seconds=ANSWER_SECONDS, breaker=breaker)
        handlers = {CHANNEL: self._notified}
        self._listener = Listener(url, "directory", handlers, self._doubt_all) if listen else None
        self._fresh_seconds = FRESH_SECONDS if listen else FRESH_SECONDS_WITHOUT_LISTEN
        self._poll_seconds = POLL_SECONDS if listen else POLL_SECONDS_WITHOUT_LISTEN
        self._read: Group[str, Place | None] = Group(self._read_many, limit=MOST_REMEMBERED)
        self._read_owner: Group[bytes, str | None] = Group(self._read_owners, limit=MOST_REMEMBERED)
        #: The place read longest ago comes first.
        self._entries: dict[str, Entry] = {}
        self._unknown: dict[str | bytes, float] = {}
        self._owners: dict[bytes, str] = {}
        #: The locators of the statement under way, and whether a change was told of since it began: its answer may be older.
        self._under_way: dict[str, bool] = {}
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._away_until = 0.0

    def start(self) -> None:
        """Begin to listen."""
        if self._listener is not None:
            self._listener.start()

    async def stop(self) -> None:
        """Stop listening, and disconnect."""
        if self._listener is not None:
            await self._listener.stop()
        for refresh in self._refreshing.values():
            refresh.cancel()
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)
        await self._link.close()

    def known(self, locator: str) -> Place | None:
        """The place as it was read a moment ago, and is read again in the background; None where it was not."""
        entry, now = self._entries.get(locator), time.monotonic()
        if entry is None or entry.read_at + OLD_SECONDS < now:
            return None
        if entry.is_doubtful or entry.read_at + self._fresh_seconds < now:
            self._refresh(locator)
        return entry.place

    async def find(self, locator: str) -> Place | None:
        """The place; None where there is no such tenant. Raises Unavailable where it is not known and the home is away."""
        place = self.known(locator)
        if place is not None or not is_locator(locator) or self._is_unknown(locator):
            return place
        entry = self._entries.get(locator)
        if entry is not None and self._away_until > time.monotonic():
            return entry.place
        try:
            return await self._read(locator)
        except Unavailable:
            if entry is None:
                raise
            return entry.place

    async def find_anew(self, locator: str) -> Place | None:
        """The place past the cache, unless it was read within the last second; as it was where the home is away.

        Raises Unavailable as `find` does.
        """
        entry = self._entries.get(locator)
        if entry is None:
            return await self.find(locator)
        if not entry.is_doubtful and entry.read_at + AGAIN_SECONDS > time.monotonic():
            return entry.place
        try:
            return await self._read(locator)
        except Unavailable:
            return entry.place

    async def changed(self, locator: str, seen: Place, seconds: float) -> Place | None:
        """The place once it is another than `seen` and its tenant is not frozen there; after so many seconds, as it is then.

        `seen` is what the caller went by: a change that came meanwhile is not missed.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (entry := self._entries.get(locator)) is None or entry.place == seen:
                    await self._news(locator)
                while (entry := self._entries.get(locator)) is not None and entry.place.is_frozen:
                    await self._news(locator)
        entry = self._entries.get(locator)
        return None if entry is None else entry.place

    async def locator_of_digest(self, digest: bytes) -> str | None:
        """The locator of the tenant whose key has this digest and carries none; None for no such key. Raises Unavailable."""
        if digest in self._owners or self._is_unknown(digest):
            return self._owners.get(digest)
        return await self._read_owner(digest)

    # What is read

    async def _ask(self, query: Query, **values: Any) -> Sequence[Mapping[str, Any]]:
        """The rows of a query in the home's database. Raises Unavailable, at the latest after `ANSWER_SECONDS`."""
        asking = or_again(self._link.fetch(query, **values), lambda: self._link.fetch(query, **values))
        try:
            return await answer(asking, ANSWER_SECONDS)
        except TimeoutError:
            raise Unavailable("the home shard's database does not answer in time") from None

    async def _read_owners(self, digests: Sequence[bytes]) -> Sequence[str | None]:
        rows = await self._ask(SQL.owners, digests=list(set(digests)))
        owners = {row["digest"]: row["locator"] for row in rows}
        for digest in digests:
            if digest in owners:
                _make_room(self._owners)
                self._owners[digest] = owners[digest]
            else:
                self._note_unknown(digest)
        return [owners.get(digest) for digest in digests]

    async def _read_many(self, locators: Sequence[str]) -> Sequence[Place | None]:
        self._under_way = dict.fromkeys(locators, False)
        began = time.monotonic()
        try:
            rows = await self._ask(SQL.places, locators=list(self._under_way))
        except Unavailable as error:
            self._away_until = time.monotonic() + AGAIN_SECONDS
            log.warning("the directory is away, places are those that are remembered", error=str(error))
            raise
        places = {row["locator"]: Place(row["shard"], row["previous"], row["is_frozen"]) for row in rows}
        for locator, is_doubtful in self._under_way.items():
            self._keep(locator, places.get(locator), began, is_doubtful=is_doubtful)
        return [places.get(locator) for locator in locators]

    def _keep(self, locator: str, place: Place | None, read_at: float, *, is_doubtful: bool) -> None:
        self._entries.pop(locator, None)
        if place is not None:
            _make_room(self._entries)
            self._entries[locator] = Entry(place, read_at, is_doubtful)
        elif not is_doubtful:
            self._note_unknown(locator)
        for waiting in self._waiting.get(locator, ()):
            if not waiting.done():
                waiting.set_result(None)

    def _is_unknown(self, name: str | bytes) -> bool:
        return self._unknown.get(name, 0.0) > time.monotonic()

    def _note_unknown(self, name: str | bytes) -> None:
        self._unknown.pop(name, None)
        _make_room(self._unknown)
        self._unknown[name] = time.monotonic() + AGAIN_SECONDS

    # What is read again

    def _notified(self, locator: str) -> None:
        """Read a place again that has changed, where anybody has asked for it."""
        if locator in self._under_way:
            self._under_way[locator] = True
        self._unknown.pop(locator, None)
        entry = self._entries.get(locator)
        if entry is not None:
            entry.is_doubtful = True
        if entry is not None or locator in self._waiting:
            self._away_until = 0.0
            self._refresh(locator)

    def _doubt_all(self) -> None:
        """Take every place for old: notifications may have been lost."""
        self._under_way = dict.fromkeys(self._under_way, True)
        self._unknown.clear()
        for entry in self._entries.values():
            entry.is_doubtful = True
        self._away_until = 0.0
        for locator in self._waiting:
            self._refresh(locator)

    def _refresh(self, locator: str) -> None:
        """Read a place again in the background, unless the home was away a moment ago."""
        if locator not in self._refreshing and self._away_until < time.monotonic():
            self._refreshing[locator] = asyncio.create_task(self._refresh_one(locator))

    async def _refresh_one(self, locator: str) -> None:
        try:
            await self._read(locator)
            while (entry := self._entries.get(locator)) is not None and entry.is_doubtful:
                await self._read(locator)
        except Unavailable:
            pass
        except Exception:
            log.exception("the directory cannot be read")
        finally:
            del self._refreshing[locator]

    async def _news(self, locator: str) -> None:
        """Wait until a place was read again."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(locator, []).append(waiting)
        try:
            while not (await asyncio.wait([waiting], timeout=self._poll_seconds))[0]:
                self._refresh(locator)
        finally:
            self._waiting[locator].remove(waiting)
            if not self._waiting[locator]:
                del self._waiting[locator]


def _make_room(remembered: dict[Any, Any]) -> None:
    """Forget what was put in first where there is as much as may be."""
    if len(remembered) >= MOST_REMEMBERED:
        del remembered[next(iter(remembered))]
