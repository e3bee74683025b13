"""Webhooks: a tenant's endpoints, which receive the ends of its jobs."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from uuid import UUID

from sooner.db import Database, Queries
from sooner.jobs.problem import Invalid, NotFound, Problem, wrong
from sooner.outgoing.names import is_host
from sooner.outgoing.reach import check_reach
from sooner.outgoing.refusal import Refused
from sooner.queue.freeze import SQL as FREEZE
from sooner.queue.freeze import refusal
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.webhooks", "sql/webhooks.sql")

Event = Literal["job.done", "job.error", "job.cancelled"]
EVENTS: tuple[str, ...] = get_args(Event)

#: A tenant's webhooks: each adds one delivery job to the end of every job.
MOST = 20
LONGEST_URL = 2000
#: Standard Webhooks wants 24 to 64.
SECRET_BYTES = 32

#: How an operator lets such an address in.
OTHERWISE = "This service sends there with ALLOW_PRIVATE_NETWORK=1 alone."


class NoSuchWebhook(NotFound):
    """The tenant has no such endpoint."""

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class WebhookDisabled(Problem):
    """Nothing is sent to the endpoint any more."""

    status, type, title = 409, "webhook-disabled", "The webhook is disabled"

    def __init__(self) -> None:
        super().__init__(
            "Its endpoint answered 410, so nothing is sent there: delete the webhook and register it anew."
        )


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint's address, and the secret that signs its deliveries."""

    id: UUID
    url: str
    secret: str


class Webhooks:
    """Registers, lists and removes endpoints. Every method raises Unavailable when the database is away, and those that write
    TenantMoves.

    `allow_private`: whether addresses of private networks, and addresses without TLS, may be registered.
    """

    def __init__(self, database: Database, *, allow_private: bool = False) -> None:
        self._database = database
        self._allow_private = allow_private

    async def create(self, tenant: str, url: str, events: Sequence[str]) -> tuple[UUID, str]:
        """Register an endpoint; the result is its id and its secret, to be shown once. Raises Invalid."""
        check_url(url)
        await self._refuse_private(url)
        id = uuid7()
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        row = await self._database.row(
            SQL.create, id=id, tenant=tenant, url=url, events=list(events), secret=secret, most=MOST
        )
        if row is None:
            raise Invalid([wrong("#", f"a tenant has at most {MOST} webhooks: delete one first")])
        return id, secret

    async def _refuse_private(self, url: str) -> None:
        """Raises Invalid for an address to which no worker would connect, as far as can be seen now."""
        if self._allow_private:
            return
        try:
            await check_reach(url)
        except Refused as refusal:
            if not await self._reaches_private():
                raise Invalid([wrong("#/url", f"{refusal} {OTHERWISE}")]) from None

    async def _reaches_private(self) -> bool:
        row = await self._database.row(SQL.reaches_private)
        return row is not None and bool(row["reaches_private"])

    async def list(self, tenant: str) -> list[Mapping[str, Any]]:
        """A tenant's endpoints without their secrets, newest first."""
        return await self._database.rows(SQL.list, tenant=tenant)

    async def delete(self, id: UUID, tenant: str) -> None:
        """Remove an endpoint and its open deliveries. Raises NoSuchWebhook."""
        if await self._database.row(SQL.delete, id=id, tenant=tenant) is None:
            raise NoSuchWebhook

    async def check_owner(self, id: UUID, tenant: str) -> None:
        """Raises NoSuchWebhook where the tenant has no such endpoint."""
        await self._status(id, tenant)

    async def check_enabled(self, id: UUID, tenant: str) -> None:
        """As `check_owner`. Raises WebhookDisabled where nothing is sent to the endpoint any more, TenantMoves."""
        if (frozen := await self._database.row(FREEZE.reason, tenant=tenant)) is not None:
            raise refusal(tenant, frozen["reason"])
        if (await self._status(id, tenant))["disabled_at"] is not None:
            raise WebhookDisabled

    async def _status(self, id: UUID, tenant: str) -> Mapping[str, Any]:
        row = await self._database.row(SQL.status, id=id, tenant=tenant)
        if row is None:
            raise NoSuchWebhook
        return row

    async def find(self, id: UUID) -> WebhookEndpoint | None:
        """An endpoint; None where it was removed or disabled."""
        row = await self._database.row(SQL.find, id=id)
        return None if row is None else WebhookEndpoint(id, row["url"], row["secret"])

    async def disable(self, id: UUID) -> None:
        """Send nothing to the endpoint any more."""
        await self._database.run(SQL.disable, id=id)


def check_url(url: str) -> None:
    """Raises Invalid for a text that is no HTTP address. The worker checks later whether it may connect there."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        raise Invalid([wrong("#/url", "the address cannot be read")]) from None
    if len(url) > LONGEST_URL or not fits or any(not "!" <= c <= "~" for c in url):
        raise Invalid([wrong("#/url", f"an https:// address of at most {LONGEST_URL} characters is needed")])
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Invalid([wrong("#/url", "leave user, password and fragment out of the address")])
