"""The budget of connections: those that each process needs, and those that server, database and role allow."""

from collections.abc import Mapping
from typing import Any

from sooner.db.database import POOL_SIZE, Database
from sooner.db.queries import Queries
from sooner.db.retry import Unavailable
from sooner.process import logs

SQL = Queries("sooner.db", "sql/budget.sql")

log = logs.get(__name__)

#: Connections of a process beside its pool and its listener. Web: enqueue, read. Worker: claim, finish, chores, lease.
LINKS = {"web": 2, "worker": 4, "scheduler": 1}
POOLED = ("web", "worker")

REMEDY = "lower WEB_CONCURRENCY and WORKER_PROCESSES, or put PgBouncer in front in transaction mode and set LISTEN=0"


def most(process: str, *, listen: bool) -> int:
    """The most connections of one process of a type, beside those that jobs open by submitting."""
    if process not in POOLED:
        return LINKS[process]
    return LINKS[process] + POOL_SIZE + listen


def needed(processes: Mapping[str, int], *, listen: bool) -> int:
    """The most connections of so many processes by type."""
    return sum(count * most(process, listen=listen) for process, count in processes.items())


def narrowest(limits: Mapping[str, Any]) -> tuple[str, int, int]:
    """Of server, database and role the one that allows the fewest further connections; its limit, and those in use."""
    places = [("server", limits["server"], limits["used"])]
    places += [
        (name, limits[name], limits[f"used_of_{name}"])
        for name in ("database", "role")
        if limits[name] is not None
    ]
    return min(places, key=lambda place: place[1] - place[2])


async def warn(database: Database, process: str, *, listen: bool) -> None:
    """Log a warning where a process that has just connected may find too few connections. Behind a pooler none is counted."""
    if not listen:
        return
    try:
        limits = await database.row(SQL.limits)
    except Unavailable:
        return
    place, limit, used = narrowest(limits or {})
    need = most(process, listen=listen)
    # One of the connections in use is the one that asks.
    if used - 1 + need > limit:
        log.warning(
            "connections may run out",
            remedy=REMEDY,
            needs=need,
            limit=limit,
            of=place,
            used_by_others=used - 1,
        )
