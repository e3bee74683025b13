"""Three databases with a directory, and tenants in them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.jobs.tenants.locator import locator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.databases import Databases

Place = Callable[[str, str], Awaitable[None]]


@pytest.fixture
async def urls(databases: Databases) -> AsyncIterator[dict[str, str]]:
    """Three databases, each by its shard's name; `home` has the directory."""
    names = {shard: databases.migrated() for shard in ("home", "a", "b")}
    urls = {shard: databases.url(name) for shard, name in names.items()}
    home = await asyncpg.connect(urls["home"])
    for shard, url in urls.items():
        await home.execute("insert into sooner_directory.shard (name) values ($1)", shard)
        own = await asyncpg.connect(url)
        await own.execute("insert into sooner.shard (name) values ($1)", shard)
        await own.close()
    await home.close()
    yield urls
    for name in names.values():
        databases.drop(name)


@pytest.fixture
async def place(urls: dict[str, str]) -> Place:
    """Notes in the directory in which shard a tenant is."""

    async def place(tenant: str, shard: str) -> None:
        home = await asyncpg.connect(urls["home"])
        await home.execute(
            "insert into sooner_directory.tenant (locator, tenant, shard) values ($1, $2, $3)",
            locator(tenant),
            tenant,
            shard,
        )
        await home.close()

    return place
