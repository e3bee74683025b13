"""Several databases on the run's server, each of which may be a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.databases import Databases

NAMES = ("a", "b", "c")


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
