"""Freezing: while a tenant moves to another database, nobody claims its jobs in this one, and nobody writes for it."""

from datetime import datetime
from typing import Literal

from sooner.db import Queries, TenantMoves
from sooner.db.link import Connection, rows

SQL = Queries("sooner.queue", "sql/freeze.sql")

#: A part of statements: whether a job's `tenant` is not frozen. Whoever takes, ends or moves waiting jobs leaves the others alone.
#: The planner takes half of all jobs for such ones. By `is not true` it took none where most jobs are of one tenant, and so
#: sorted the whole backlog at each claim.
STAYS = f"not coalesce(tenant = any(array({SQL.frozen.text})), false)"

#: Why: its data is being copied from here, or to here, or it is here no more.
Reason = Literal["leaving", "arriving", "gone"]


def refusal(tenant: str | None, reason: Reason) -> TenantMoves:
    """The error of whoever writes for a frozen tenant, in the words of the schema's functions."""
    if reason == "gone":
        return TenantMoves(f"the tenant {tenant} lives in another database now: submit it there")
    return TenantMoves(f"the tenant {tenant} is being moved to another database: try again in a moment")


async def freeze(
    connection: Connection, tenant: str, reason: Reason, seconds: float | None
) -> datetime | None:
    """Freeze a tenant for so many seconds, or until `thaw`; the result is the end, or None where only `thaw` is.

    Statements that began before the freeze is committed may still write. Those that begin later write nothing, except
    what the tenant's running jobs do while it is `leaving`: they go on, end, and submit jobs until it is `gone`. Whoever
    moves the tenant sets `sooner.moving` to `on` for its own statements: they write all the same.
    """
    [row] = await rows(connection, SQL.freeze, tenant=tenant, reason=reason, seconds=seconds)
    return None if seconds is None else row["until"]


async def take(connection: Connection, tenant: str) -> datetime:
    """Make a freeze the caller's: the result is the mark by which it is renewed, while nobody else takes it."""
    [row] = await rows(connection, SQL.take, tenant=tenant)
    since: datetime = row["since"]
    return since


async def renew(connection: Connection, tenant: str, mark: datetime, seconds: float | None) -> bool:
    """Let a freeze hold for so many seconds from now at least, or until `thaw`; False where it has ended, or is another's."""
    return bool(await rows(connection, SQL.renew, tenant=tenant, mark=mark, seconds=seconds))


async def thaw(connection: Connection, tenant: str) -> bool:
    """End a freeze, and wake those who claim the tenant's jobs; False where there was none."""
    [row] = await rows(connection, SQL.thaw, tenant=tenant)
    return bool(row["was_there"])
