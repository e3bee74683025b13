"""The caller's transaction: the asyncpg connection under a value of `connection=`."""

from typing import Any

Connection = Any


async def connection_under(given: Connection) -> Connection:
    """The asyncpg connection, in its transaction.

    `given` is a connection of asyncpg, or of `databases` or SQLAlchemy on it (also a session). Raises TypeError for other values,
    ValueError for a connection outside of a transaction.
    """
    connection = await _asyncpg(given)
    if not connection.is_in_transaction():
        raise ValueError(
            "connection= is in no transaction: begin one, so that the job is there if it commits, or leave connection= out"
        )
    return connection


async def _asyncpg(given: Connection) -> Connection:
    if hasattr(given, "is_in_transaction") and hasattr(given, "fetch"):
        return given
    if _is_of("databases", given):
        # A Database lends the connection of the current task.
        connection = given.connection() if hasattr(given, "connection") else given
        return _checked(connection.raw_connection, given)
    if _is_of("sqlalchemy", given):
        connection = await given.connection() if hasattr(given, "flush") else given
        if not hasattr(connection, "get_raw_connection"):
            raise _unfit(given)
        driver = (await connection.get_raw_connection()).driver_connection
        if not _checked(driver, given).is_in_transaction():
            # SQLAlchemy begins its transaction with the first statement.
            await connection.exec_driver_sql("select 1")
        return driver
    raise _unfit(given)


def _is_of(library: str, given: Connection) -> bool:
    """Whether a value's class is a library's, or made from one of its classes, as SQLModel's session is."""
    return any(each.__module__.startswith(f"{library}.") for each in type(given).__mro__)


def _checked(connection: Connection, given: Connection) -> Connection:
    if not hasattr(connection, "is_in_transaction"):
        raise _unfit(given)
    return connection


def _unfit(given: Connection) -> TypeError:
    return TypeError(
        f"connection= takes a connection of asyncpg, or of SQLAlchemy or databases on asyncpg, not {type(given).__qualname__}: "
        "with any other driver write `select sooner.submit(actor, params, …)`"
    )
