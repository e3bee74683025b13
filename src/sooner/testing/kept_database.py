"""A database that one test has after the other, with connections that outlive a test's event loop: opening one costs milliseconds."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import psycopg2
import psycopg2.extensions
from psycopg2.sql import SQL, Composable, Identifier, Literal

from sooner.db import Link
from sooner.db.listen import Handler
from sooner.testing import moved_clock
from sooner.testing.kept_listener import KeptListener
from sooner.worker.runtime import Connections

Table = tuple[str, str]

#: A team's tables and ours.
_TABLES = """
from pg_class where relkind = 'r' and relpersistence <> 't'
  and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""
TABLES = f"select relnamespace::regnamespace::text, relname {_TABLES}"
#: Tells one schema from another, so that a database in which a test made or dropped a table is given up.
SHAPE = """
(select md5(string_agg(oid::text, ',' order by oid)) from pg_class
 where relnamespace not in ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace) and relpersistence <> 't')
"""
#: The tables whose triggers may add rows for a removed row; the trigger of removed jobs only removes more.
TRIGGERED = """
select distinct relnamespace::regnamespace::text, relname from pg_trigger join pg_class on pg_class.oid = tgrelid
where not tgisinternal and tgtype & 8 <> 0 and tgfoid <> 'sooner.remove_said'::regproc
"""
#: Lets sequences begin anew.
RESTART = """
select setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) from pg_sequences
where last_value is not null
"""
#: A row of these may be there before a test: our own migrations made it, and only schedulers change it.
OURS = {("sooner", "lease")}
#: A test that left a transaction open keeps its database.
WAIT = "300ms"
#: Rows that are removed one by one leave their room behind, so a larger table is truncated.
IS_LARGE = f"(select max(pg_relation_size(oid)) > 1000000 {_TABLES})"


class KeptConnection(psycopg2.extensions.connection):
    """A connection that its users do not close."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.autocommit = True

    def close(self) -> None:
        """Nothing: `end` closes it."""

    def end(self) -> None:
        """Close it."""
        super().close()


class DatabaseState(NamedTuple):
    """The state of a database: its schema, whether a table is large, whether the time was moved, and the tables that have rows."""

    shape: str
    is_large: bool
    is_moved: bool
    filled: set[Table]


class KeptDatabase:
    """A migrated database."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self._connection = KeptConnection(url)
        self._heard = KeptConnection(url)
        self._tables: list[Table] = self._read(TABLES)
        self._triggered: set[Table] = set(self._read(TRIGGERED))
        self._run(SQL("prepare state as ") + _state_of(self._tables))
        self._at_first = self._state()

    @property
    def is_kept(self) -> bool:
        """Whether another test may have it: where migrations filled tables, each test has a copy."""
        return all(
            name == "alembic_version" or (schema, name) in OURS for schema, name in self._at_first.filled
        )

    def empty(self) -> bool:
        """Remove the rows of a test. False where a session is in the way."""
        try:
            now = self._state()
            if added := sorted(now.filled - self._at_first.filled):
                self._empty(added, whole=now.is_large or not self._triggered.isdisjoint(added))
            if now.is_moved:
                self._run(SQL(moved_clock.statement(0)))
        except psycopg2.Error:
            return False
        return now.shape == self._at_first.shape

    def close(self) -> None:
        """Close the connections."""
        for connection in (self._connection, self._heard):
            connection.end()

    def connections(self, link: Link) -> Connections:
        """A worker's connections: a test's own, and those that outlive it."""
        return Connections(link, link, link, link, link, lambda: self._connection, self._listening)

    def _listening(self, handlers: Mapping[str, Handler], resync: Callable[[], None]) -> KeptListener:
        if self._heard.closed:
            self._heard = KeptConnection(self.url)
        return KeptListener(self._heard, handlers, resync)

    def _empty(self, tables: list[Table], *, whole: bool) -> None:
        names = SQL(", ").join(Identifier(*table) for table in tables)
        remove = SQL("truncate {} cascade").format(names) if whole else _removed(tables)
        self._run(
            SQL(
                "begin; set local lock_timeout = {}; lock table {} in access exclusive mode; {}; commit"
            ).format(Literal(WAIT), names, remove)
        )
        self._run(SQL(RESTART))

    def _state(self) -> DatabaseState:
        [(shape, is_large, is_moved, has_rows)] = self._read("execute state")
        filled = {table for table, has in zip(self._tables, has_rows, strict=True) if has}
        return DatabaseState(shape, is_large, is_moved, filled)

    def _read(self, query: str) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def _run(self, statement: Composable) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


def connection_to(url: str) -> psycopg2.extensions.connection:
    """A connection whose statements are transactions of their own."""
    connection: psycopg2.extensions.connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def _state_of(tables: list[Table]) -> Composable:
    names = [Identifier(*table) for table in tables]
    rows = SQL(", ").join(SQL("exists (select from {})").format(name) for name in names)
    return SQL("select {}, {}, dramatiq.clock() <> pg_catalog.now(), array[{}]").format(
        SQL(SHAPE), SQL(IS_LARGE), rows
    )


def _removed(tables: list[Table]) -> Composable:
    """One statement, at whose end the tables refer to no row of each other."""
    parts = (
        SQL("{} as (delete from {})").format(Identifier(f"removed{number}"), Identifier(*table))
        for number, table in enumerate(tables)
    )
    return SQL("with {} select").format(SQL(", ").join(parts))
