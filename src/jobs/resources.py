"""What a worker lends its actors."""

from src.db import Database

_databases: list[Database] = []


def lend(database: Database) -> None:
    """Say which pool actors use. The worker does so once when it begins."""
    _databases[:] = [database]


def database() -> Database:
    """The worker's pool, for async actors. Raises RuntimeError outside a worker."""
    if not _databases:
        raise RuntimeError("only a worker lends its actors a database")
    return _databases[0]
