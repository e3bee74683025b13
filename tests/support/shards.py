"""Several databases on the run's server, each of which may be a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sooner.jobs.tenants.locator import locator
from tests.support import bouncer
from tests.support.jobs import fetch
from tests.support.keys import create_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.support.databases import Databases

NAMES = ("a", "b", "c")
#: Within so many seconds web goes by a place that has changed: it hears of it, or looks each second where it does not listen.
NOTICED_SECONDS = 3.0 if bouncer.WANTED else 1.0


@pytest.fixture
def shard_urls(databases: Databases) -> Iterator[dict[str, str]]:
    """The addresses of three migrated databases by the names of their shards; nobody has added them yet."""
    names = {shard: databases.migrated() for shard in NAMES}
    yield {shard: databases.url(name) for shard, name in names.items()}
    for name in names.values():
        databases.drop(name)


def several(urls: Mapping[str, str]) -> str:
    """DATABASE_URLS for these shards."""
    return " ".join(f"{name}={url}" for name, url in urls.items())


def on_three_shards(
    shard_urls: Mapping[str, str], secret_keys: dict[str, str]
) -> dict[str, dict[str, str | None]]:
    """The settings of a web process that works on all of them; a worker's own shard is said where it starts."""
    from tests.conftest import process_settings

    made = process_settings(shard_urls["a"], secret_keys)
    made["web"] |= {"DATABASE_URL": None, "DATABASE_URLS": several(shard_urls)}
    return made


class Shards:
    """Databases that are shards, the first of them home, and their tenants."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self.urls = urls
        self.home_url = next(iter(urls.values()))

    async def add(self) -> None:
        """Gives each database its name, and the home all of them."""
        for name, url in self.urls.items():
            await fetch(url, "insert into sooner.shard (name) values ($1)", name)
            await fetch(self.home_url, "insert into sooner_directory.shard (name) values ($1)", name)

    async def place(self, tenant: str, shard: str) -> None:
        """Puts a tenant into a shard, or says that it is there now."""
        await fetch(
            self.home_url,
            """
            insert into sooner_directory.tenant (locator, tenant, shard) values ($1, $2, $3)
            on conflict (locator) do update set shard = $3, previous = sooner_directory.tenant.shard, is_frozen = false
            """,
            locator(tenant),
            tenant,
            shard,
        )

    async def key(self, tenant: str, shard: str, *, scopes: Sequence[str] = ("jobs",)) -> str:
        """A new key of a tenant that is in a shard from now on."""
        await self.place(tenant, shard)
        return await create_key(self.urls[shard], tenant, scopes=scopes)

    async def copy_keys(self, source: str, target: str) -> None:
        """Lets all keys of one shard hold in another, too."""
        for key in await fetch(self.urls[source], "select k.*::text from sooner.api_key k"):
            await fetch(
                self.urls[target],
                "insert into sooner.api_key select ($1::text::sooner.api_key).*",
                key[0],
            )

    async def freeze(self, tenant: str, shard: str, *, at_home: bool = True) -> None:
        """Freezes a tenant that is about to leave a shard."""
        frozen = "insert into sooner.frozen_tenant (tenant, reason) values ($1, 'leaving')"
        await fetch(self.urls[shard], frozen, tenant)
        if at_home:
            await fetch(
                self.home_url,
                "update sooner_directory.tenant set is_frozen = true where tenant = $1 returning 1",
                tenant,
            )


@pytest.fixture
async def shards(shard_urls: dict[str, str]) -> Shards:
    """Three shards, `a` is home; nobody is there yet."""
    made = Shards(shard_urls)
    await made.add()
    return made
