"""The schema: what alembic makes of it, and what is in it."""

from __future__ import annotations

import subprocess

from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import fetch


def alembic(database_url: str, *arguments: str) -> str:
    """What alembic prints. Raises AssertionError where it fails."""
    done = subprocess.run(
        ["alembic", *arguments],
        cwd=ROOT,
        env=environment({"DATABASE_URL": database_url}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def columns(database_url: str) -> dict[tuple[str, str], tuple[str, bool]]:
    """By table and column: its type, and whether an INSERT has to give it."""
    rows = await fetch(
        database_url,
        """
        select table_schema || '.' || table_name as name, column_name, udt_name,
          is_nullable = 'NO' and column_default is null as must_be_given
        from information_schema.columns where table_schema in ('dramatiq', 'sooner')
        """,
    )
    return {(row["name"], row["column_name"]): (row["udt_name"], row["must_be_given"]) for row in rows}
