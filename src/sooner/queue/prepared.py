"""Prepared statements over psycopg2, which would have PostgreSQL parse and plan a statement at each call."""

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg2.errors
from psycopg2 import extensions

from sooner.db import Query

#: A pooler lent the connection to somebody else between two statements.
NOT_OURS = (psycopg2.errors.InvalidSqlStatementName, psycopg2.errors.DuplicatePreparedStatement)


class PreparingConnection(extensions.connection):
    """A connection that remembers which statements it has prepared (PostgreSQL, "PREPARE")."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.prepared: set[str] = set()
        self.prepares = True


def fetched(
    connection: extensions.connection, query: Query, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    """The rows of a query, which a PreparingConnection prepares at its first use. Raises psycopg2.Error.

    Where a transaction-mode pooler turns out to stand between, the query runs as it is.
    """
    if isinstance(connection, PreparingConnection) and connection.prepares:
        try:
            return _by_name(connection, query, values)
        except NOT_OURS:
            connection.prepares = False
    return _rows(connection, query.pyformat, values)


def _by_name(
    connection: PreparingConnection, query: Query, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    name, call = _named(query)
    if name not in connection.prepared:
        with connection.cursor() as cursor:
            cursor.execute(f"prepare {name} as {query.positional}")
        connection.prepared.add(name)
    return _rows(connection, call, values)


@cache
def _named(query: Query) -> tuple[str, str]:
    """The name of a prepared query, and the text that executes it. Another text has another name, whoever prepares it."""
    digest = hashlib.blake2b(query.positional.encode(), digest_size=8).hexdigest()
    name = f"sooner_{query.name}_{digest}"
    return name, f"execute {name} ({', '.join(f'%({parameter})s' for parameter in query.parameters)})"


def _rows(connection: extensions.connection, text: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
