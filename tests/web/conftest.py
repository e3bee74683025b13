"""Fixtures of the tests of web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support import roles
from tests.support.shards import Shards, several

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sooner.local.postgres import Cluster
    from tests.support.databases import Databases


@dataclass(frozen=True)
class ThreeShards:
    """The addresses of the shards a, b and c; b has a server of its own, which may stop and start."""

    urls: Mapping[str, str]
    server_of_b: Cluster

    @property
    def setting(self) -> str:
        """DATABASE_URLS of web."""
        return several({name: roles.address(url, "web") for name, url in self.urls.items()})

    async def admin_key(self) -> str:
        """A key of the operators, at home."""
        shards = Shards(self.urls)
        await shards.add()
        return await shards.key("operators", "a", scopes=["admin"])


@pytest.fixture
def three_shards(databases: Databases, cluster: Cluster, cluster_url: str) -> Iterator[ThreeShards]:
    """Three migrated databases."""
    names = [databases.migrated() for _ in range(2)]
    home, last = map(databases.url, names)
    yield ThreeShards({"a": home, "b": cluster_url, "c": last}, cluster)
    for name in names:
        databases.drop(name)
