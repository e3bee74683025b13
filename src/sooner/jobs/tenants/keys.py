"""API keys and the callers that they stand for."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sooner.db import Database, Queries
from sooner.jobs.problem import Unauthorized
from sooner.jobs.tenants.locator import locator
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.tenants", "sql/keys.sql")

#: Secret scanners find leaked keys by this prefix.
PREFIX = "sooner_"
TOKEN_PREFIX = "sooner_token_"  # noqa: S105
#: A looked-up key is remembered this long: a revoked key is refused everywhere afterwards.
REMEMBERED_SECONDS = 3.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request. `key` is the id of the API key, or of the API key behind a token."""

    tenant: str
    scopes: frozenset[str]
    key: UUID | None = None
    is_token: bool = False

    @property
    def is_admin(self) -> bool:
        """Whether the caller is an operator."""
        return "admin" in self.scopes

    def may_see(self, tenant: str | None) -> bool:
        """Whether the caller may see the jobs of a tenant (None: jobs without a tenant)."""
        return self.is_admin or tenant == self.tenant


def digest(key: str) -> bytes:
    """The stored digest of a key. A key has 256 random bits, so nobody can guess it from a plain SHA-256."""
    return hashlib.sha256(key.encode()).digest()


def _new(prefix: str, tenant: str) -> str:
    """A new key or token. Keys last for years, so each tells whose it is to a service that may have more databases by then.

    A forged locator gains nothing: the stored digest is of the whole text.
    """
    return f"{prefix}{locator(tenant)}.{secrets.token_urlsafe(32)}"


def locator_of(key: str) -> str | None:
    """The locator that a key or a token carries; None for one that is older than locators, and for what is no key."""
    named, dot, _ = key.removeprefix(TOKEN_PREFIX).removeprefix(PREFIX).partition(".")
    return named if dot and key.startswith(PREFIX) else None


def unknown(key: str) -> Unauthorized:
    """The refusal of a key or a token that is not there: whatever is wrong with it, the answer is the same."""
    what = "token" if key.startswith(TOKEN_PREFIX) else "API key"
    return Unauthorized(f"The {what} is unknown, expired or revoked.", error="invalid_token")


class Keys:
    """Makes, lists, revokes and checks API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Caller]] = {}
        self._asked: dict[str, asyncio.Task[Caller]] = {}
        self._holders: dict[UUID, tuple[float, Caller]] = {}
        self._used: set[UUID] = set()

    async def create(self, tenant: str, name: str, scopes: list[str], seconds: float | None) -> str:
        """A new key, to be shown once; it is valid for `seconds`, or for ever."""
        key = _new(PREFIX, tenant)
        await self._database.row(
            SQL.create,
            id=uuid7(),
            tenant=tenant,
            name=name,
            scopes=scopes,
            digest=digest(key),
            seconds=seconds,
        )
        return key

    async def create_token(self, caller: Caller, seconds: float) -> tuple[str, datetime]:
        """A new token for the caller's tenant, to be shown once, and its end, which is not later than its key's.

        Raises Unauthorized where the caller's key has ended meanwhile.
        """
        token = _new(TOKEN_PREFIX, caller.tenant)
        row = await self._database.row(
            SQL.create_token, id=uuid7(), key=caller.key, digest=digest(token), seconds=seconds
        )
        if row is None:
            raise Unauthorized("The API key is expired or revoked.", error="invalid_token")
        return token, row["expires_at"]

    async def list(self) -> list[Mapping[str, Any]]:
        """All keys without their secrets, newest first."""
        return await self._database.rows(SQL.list)

    async def revoke(self, id: UUID) -> bool:
        """Revoke a key; False where there was none."""
        return await self._database.row(SQL.revoke, id=id) is not None

    async def caller(self, key: str) -> Caller:
        """The caller that a key or a token stands for. Raises Unauthorized, and Unavailable when the database is away."""
        known = self.remembered(key)
        return await asyncio.shield(self._ask(key)) if known is None else known

    def remembered(self, key: str) -> Caller | None:
        """The caller of a key or a token that was looked up a moment ago; else None."""
        known = self._known.get(key)
        return known[1] if known is not None and known[0] > time.monotonic() else None

    def _ask(self, key: str) -> asyncio.Task[Caller]:
        """Concurrent requests share one look-up of a key: many find it forgotten at the same moment."""
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._look_up(key))
            asked.add_done_callback(lambda _: self._asked.pop(key, None))
        return asked

    async def _look_up(self, key: str) -> Caller:
        is_token = key.startswith(TOKEN_PREFIX)
        query = SQL.find_token if is_token else SQL.find
        row = await self._database.row(query, digest=digest(key)) if key.startswith(PREFIX) else None
        if row is None:
            raise unknown(key)
        caller = Caller(row["tenant"], frozenset(row["scopes"]), key=row["id"], is_token=is_token)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        left = (
            REMEMBERED_SECONDS
            if row["seconds_left"] is None
            else min(REMEMBERED_SECONDS, row["seconds_left"])
        )
        self._known[key] = (time.monotonic() + left, caller)
        self._used.add(row["id"])
        return caller

    async def holder(self, id: UUID) -> Caller:
        """The caller of a session, by the id of its key. Raises Unauthorized and Unavailable as `caller` does."""
        known = self._holders.get(id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        self._holders.pop(id, None)
        row = await self._database.row(SQL.holder, id=id)
        if row is None:
            raise Unauthorized("The key that signed in has expired or was revoked.")
        if len(self._holders) >= MOST_REMEMBERED:
            self._holders.clear()
        caller = Caller(row["tenant"], frozenset(row["scopes"]), key=id)
        self._holders[id] = (time.monotonic() + REMEMBERED_SECONDS, caller)
        self._used.add(id)
        return caller

    async def note_use(self) -> None:
        """Record the keys that were used since the last call, and forget keys that were remembered long enough."""
        now = time.monotonic()
        self._known = {key: known for key, known in self._known.items() if known[0] > now}
        used, self._used = self._used, set()
        if used:
            await self._database.run(SQL.used, ids=list(used))
