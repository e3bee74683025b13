"""A fresh, migrated database for each test: a copy of one template, made once a run."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
from psycopg2.sql import SQL, Identifier

from tests.support import ROOT, roles
from tests.support.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.sql import Composed


def migrate(database_url: str, target: str = "head", root: Path = ROOT) -> None:
    """Runs `alembic upgrade` in a process of its own, as a release does, from the project's files at `root`.

    Raises:
        AssertionError: it failed; the message holds what it printed.
    """
    command = ["alembic", "upgrade", target]
    done = subprocess.run(
        command,
        cwd=root,
        env=environment({"DATABASE_URL": database_url}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"


class Databases:
    """Creates and drops databases on one server.

    Args:
        server_url: an address on the server whose user may create databases.
    """

    def __init__(self, server_url: str) -> None:
        self.server_url = server_url
        self._names = (f"sooner_{os.getpid()}_{number}" for number in itertools.count())
        self._template: str | None = None

    def url(self, name: str) -> str:
        """The address of the database of that name on this server."""
        return urlsplit(self.server_url)._replace(path=f"/{name}").geturl()

    def empty(self) -> str:
        """Makes a database with nothing in it and returns its name."""
        return self._create("template0")

    def migrated(self) -> str:
        """Makes a database at the newest revision, with the processes' roles in it, and returns its name."""
        if self._template is None:
            template = self.empty()
            migrate(self.url(template))
            roles.grant(self.url(template))
            self._template = template
        return self._create(self._template)

    def drop(self, name: str) -> None:
        """Drops the database, whoever is still connected to it."""
        self._execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    def close(self) -> None:
        """Drops the template."""
        if self._template is not None:
            self.drop(self._template)

    def _create(self, template: str) -> str:
        name = next(self._names)
        self._execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        return name

    def _execute(self, statement: Composed) -> None:
        with contextlib.closing(psycopg2.connect(self.server_url)) as connection:
            # Neither statement runs inside a transaction.
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
