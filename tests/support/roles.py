"""The processes' own roles, as ops/postgres/roles.sql makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg2
from psycopg2 import sql

from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ADDRESSES = ("DATABASE_URL", "DATABASE_REPLICA_URL")
SEVERAL = ("DATABASE_URLS", "DATABASE_REPLICA_URLS")
ROLES = {
    "web": "sooner_web",
    "worker": "sooner_worker",
    "scheduler": "sooner_scheduler",
    "client": "sooner_client",
}
PASSWORD = "known to the suite"


def grant(database_url: str, root: Path = ROOT) -> None:
    """Runs the roles.sql of the project's files at `root` on a database and lets the roles sign in."""
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            # Roles belong to the whole server: two runs at once would change the same rows.
            cursor.execute("select pg_advisory_lock(7662668)")
            cursor.execute((root / "ops/postgres/roles.sql").read_text())
            for role in ROLES.values():
                cursor.execute(
                    sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
                )
    finally:
        connection.close()


def under(name: str, settings: Mapping[str, str | None]) -> dict[str, str | None]:
    """The settings of a process type, each address of a database with its own role in it."""
    return {**settings, **addressed(settings, lambda url: address(url, name))}


def addressed(settings: Mapping[str, str | None], change: Callable[[str], str]) -> dict[str, str | None]:
    """The settings that are addresses of databases, each changed."""
    changed: dict[str, str | None] = {
        key: change(str(settings[key])) for key in ADDRESSES if settings.get(key)
    }
    for key in SEVERAL:
        parts = [part.partition("=") for part in (settings.get(key) or "").split()]
        if parts:
            changed[key] = " ".join(f"{shard}={change(url)}" for shard, _, url in parts)
    return changed


def address(database_url: str, name: str) -> str:
    """The address under which a process type connects."""
    return as_role(database_url, ROLES[name])


def as_role(database_url: str, role: str) -> str:
    """The address under which a role with the suite's password connects."""
    parts = urlsplit(database_url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{PASSWORD.replace(' ', '%20')}@{host}").geturl()
