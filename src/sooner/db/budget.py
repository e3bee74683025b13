"""The budget of connections: those that each process needs, and those that server, database and role allow."""

from collections.abc import Mapping
from typing import Any

from sooner.db.database import POOL_SIZE, Database
from sooner.db.queries import Queries
from sooner.db.retry import Unavailable
from sooner.process import logs

SQL = Queries("sooner.db", "sql/budget.sql")

log = logs.get(__name__)

#: Connections of a process beside its pool and its listener. Web: enqueue, read, output. Worker: claim, finish, output, chores,
#: lease.
LINKS = {"web": 3, "worker": 5, "scheduler": 1}
POOLED = ("web", "worker")

REMEDY = "lower WEB_CONCURRENCY and WORKER_PROCESSES, or put PgBouncer in front in transaction mode and set LISTEN=0"


def most(process: str, *, listen: bool, is_shard: bool = False, is_home: bool = False) -> int:
    """The most connections of one process of a type to one database, beside those that jobs open by submitting.

    `is_shard` where web works on several databases, `is_home` where this one has the directory: web looks whether the one is there,
    and reads and listens in the other.
    """
    if process not in POOLED:
        return LINKS[process]
    of_shards = is_shard + is_home * (1 + listen) if process == "web" else 0
    return LINKS[process] + POOL_SIZE + listen + of_shards


def needed(
    processes: Mapping[str, int], *, listen: bool, is_shard: bool = False, is_home: bool = False
) -> int:
    """The most connections of so many processes by type, see `most`."""
    return sum(
        count * most(process, listen=listen, is_shard=is_shard, is_home=is_home)
        for process, count in processes.items()
    )


def narrowest(limits: Mapping[str, Any]) -> tuple[str, int, int]:
    """Of server, database and role the one that allows the fewest further connections; its limit, and those in use."""
    places = [("server", limits["server"], limits["used"])]
    places += [
        (name, limits[name], limits[f"used_of_{name}"])
        for name in ("database", "role")
        if limits[name] is not None
    ]
    return min(places, key=lambda place: place[1] - place[2])


async def warn(
    database: Database, process: str, *, listen: bool, is_shard: bool = False, is_home: bool = False
) -> None:
    """Log a warning where a process that has just connected may find too few connections. Behind a pooler none is counted."""
    if not listen:
        return
    try:
        limits = await database.row(SQL.limits)
    except Unavailable:
        return
    place, limit, used = narrowest(limits or {})
    need = most(process, listen=listen, is_shard=is_shard, is_home=is_home)
    # One of the connections in use is the one that asks, and of a shard another has looked whether it is there.
    by_others = used - 1 - is_shard
    if by_others + need > limit:
        log.warning(
            "connections may run out",
            remedy=REMEDY,
            needs=need,
            limit=limit,
            of=place,
            used_by_others=by_others,
        )
