"""PostgreSQL: connections that heal, named queries, statements shared by concurrent callers, notifications."""

from src.db.database import Database, pool
from src.db.group import Group, fitting
from src.db.link import Link
from src.db.listen import Listener
from src.db.queries import Queries, Query, joined, transposed
from src.db.readers import Readers
from src.db.retry import Unavailable, transient
from src.db.transaction import bound

__all__ = [
    "Database",
    "Group",
    "Link",
    "Listener",
    "Queries",
    "Query",
    "Readers",
    "Unavailable",
    "bound",
    "fitting",
    "joined",
    "pool",
    "transient",
    "transposed",
]
