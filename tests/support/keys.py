"""API keys."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from sooner.cli.keys import duration
from sooner.db import pool
from sooner.jobs.tenants.keys import Keys
from tests.support import ROOT
from tests.support.environment import environment

if TYPE_CHECKING:
    from collections.abc import Sequence


async def create_key(
    database_url: str, tenant: str = "acme", *, scopes: Sequence[str] = ("jobs",), expires: str | None = None
) -> str:
    """A new API key, made as `python -m src.keys create` makes it, without a process of its own for each test.

    Args:
        database_url: where the key shall hold.
        tenant: whose key it is.
        scopes: of `jobs` and `admin`.
        expires: a duration as `90d`, `12h`, `30s`; None for never.
    """
    database = pool(database_url, "suite", size=1)
    await database.connect()
    try:
        return await Keys(database).create(
            tenant, "suite", list(scopes), None if expires is None else duration(expires)
        )
    finally:
        await database.close()


async def run_keys(database_url: str, *arguments: str) -> str:
    """The standard output of `python -m src.keys ARGUMENTS`; asserts that it exits 0."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.keys",
        *arguments,
        cwd=ROOT,
        env=environment({"DATABASE_URL": database_url}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    assert command.returncode == 0, f"src.keys {' '.join(arguments)} failed:\n{errors.decode()}"
    return output.decode()
