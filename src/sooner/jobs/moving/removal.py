"""Removing a tenant's rows from one database; the objects in stores stay, since they are the other one's now."""

from collections.abc import Sequence
from uuid import UUID

from sooner.db import Queries
from sooner.db.link import Connection, rows

SQL = Queries("sooner.jobs.moving", "sql/removal.sql")


async def remove_jobs(ids: Sequence[UUID], connection: Connection) -> None:
    """Remove jobs that do not run, with all that belongs to them."""
    await rows(connection, SQL.jobs, ids=ids)


async def remove_credentials(tenant: str, connection: Connection) -> None:
    """Remove a tenant's keys, tokens and webhooks."""
    await rows(connection, SQL.api_keys, tenant=tenant)
    await rows(connection, SQL.webhooks, tenant=tenant)


async def remove_belongings(tenant: str, connection: Connection) -> None:
    """Remove what a tenant has beside jobs."""
    await rows(connection, SQL.uploads, tenant=tenant)
    await remove_credentials(tenant, connection)
