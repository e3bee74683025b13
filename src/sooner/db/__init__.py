"""PostgreSQL: connections that reconnect, named queries, statements that concurrent callers share, notifications."""

from sooner.db.breaker import Breaker
from sooner.db.database import Database, pool
from sooner.db.group import Group, fitting
from sooner.db.link import Link
from sooner.db.listen import Listener
from sooner.db.queries import (
    Queries,
    Query,
    joined,
    transposed,
)
from sooner.db.replica import Replica
from sooner.db.retry import TenantMoves, Unavailable, transient

__all__ = [
    "Breaker",
    "Database",
    "Group",
    "Link",
    "Listener",
    "Queries",
    "Query",
    "Replica",
    "TenantMoves",
    "Unavailable",
    "fitting",
    "joined",
    "pool",
    "transient",
    "transposed",
]
