"""Where a request's tenant is, among several shards."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sooner.db import Unavailable
from sooner.jobs.following.signed_urls import Hint
from sooner.jobs.problem import Unauthorized
from sooner.jobs.tenants.directory import Directory, Place
from sooner.jobs.tenants.keys import PREFIX, Caller, digest, locator_of, unknown
from sooner.jobs.tenants.sessions import Session
from sooner.web.shard import Shard

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Residence:
    """A tenant's place as this process reaches it: its shard, and the one where some of its jobs still lie.

    `locator` and `place` are the directory's; None for who has no place there: that one is at home, or where a hint says.
    """

    shard: Shard
    previous: Shard | None = None
    locator: str | None = None
    place: Place | None = None

    @property
    def shards(self) -> Sequence[Shard]:
        """The shards on which the tenant's jobs lie, the newest last."""
        return [self.shard] if self.previous is None else [self.previous, self.shard]


class Residences:
    """Finds the residence of a caller."""

    def __init__(self, shards: Mapping[str, Shard], home: Shard, directory: Directory) -> None:
        self._shards = shards
        self._home = home
        self._directory = directory

    async def caller(self, key: str) -> tuple[Caller, Residence]:
        """The caller that a key or a token stands for, and where it is.

        Raises Unauthorized, the same whatever is wrong with the key, and Unavailable.
        """
        if not key.startswith(PREFIX):
            raise unknown(key)
        locator = locator_of(key) or await self._directory.locator_of_digest(digest(key))
        residence = Residence(self._home) if locator is None else await self._find(locator)
        if residence is None:
            raise unknown(key)
        return await self._admitted(residence, lambda shard: _caller(shard, key))

    async def holder(self, session: Session) -> tuple[Caller, Residence]:
        """The operator who holds a session, and where its key is. Raises Unauthorized and Unavailable."""
        residence = await self._find(session.locator) if session.locator else None
        return await self._admitted(
            residence or Residence(self._home), lambda shard: shard.keys.holder(session.key)
        )

    async def hinted(self, hint: Hint) -> Residence:
        """The residence of a tenant by what a signed address says of it: where it is now, else where it was."""
        residence = None
        if hint.locator:
            with contextlib.suppress(Unavailable):
                residence = await self._find(hint.locator)
        if residence is not None:
            return residence
        return Residence(self._shards.get(hint.shard, self._home), locator=hint.locator or None)

    async def anew(self, residence: Residence) -> Residence:
        """The residence past what is remembered; as it was where nothing else is known. Raises Unavailable."""
        if residence.locator is None:
            return residence
        place = await self._directory.find_anew(residence.locator)
        return residence if place in (None, residence.place) else self._at(residence.locator, place)

    async def changed(self, residence: Residence, seconds: float) -> Residence:
        """The residence once it is another and its tenant is not frozen there; after so many seconds, as it is then."""
        if residence.locator is None or residence.place is None:
            await asyncio.sleep(seconds)
            return residence
        place = await self._directory.changed(residence.locator, residence.place, seconds)
        return residence if place is None else self._at(residence.locator, place)

    async def _admitted(
        self, residence: Residence, ask: Callable[[Shard], Awaitable[Caller]]
    ) -> tuple[Caller, Residence]:
        """The caller by what its shard says; a tenant that has moved since its place was read is asked for at the other."""
        try:
            return await ask(residence.shard), residence
        except Unauthorized:
            moved = await self.anew(residence)
            if moved.shard is residence.shard:
                raise
        return await ask(moved.shard), moved

    async def _find(self, locator: str) -> Residence | None:
        place = self._directory.known(locator) or await self._directory.find(locator)
        return None if place is None else self._at(locator, place)

    def _at(self, locator: str, place: Place) -> Residence:
        try:
            shard = self._shards[place.shard]
        except KeyError:
            raise Unavailable(f"the tenant is at {place.shard}, which DATABASE_URLS does not name") from None
        return Residence(shard, self._shards.get(place.previous or ""), locator, place)


async def _caller(shard: Shard, key: str) -> Caller:
    return shard.keys.remembered(key) or await shard.keys.caller(key)
