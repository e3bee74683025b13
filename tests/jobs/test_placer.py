"""Placing new tenants."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sooner.db import Link
from sooner.jobs.tenants.directory import Place
from sooner.jobs.tenants.locator import locator
from sooner.jobs.tenants.placer import CannotPlace, Placer
from tests.support.jobs import fetch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SHARDS = "insert into sooner_directory.shard (name, weight, is_draining) values ('a', 1, false), ('b', 2, false), ('c', 9, true), ('d', 0, false)"


@pytest.fixture
async def placers(database_url: str) -> AsyncIterator[list[Placer]]:
    """Several programs that place tenants."""
    await fetch(database_url, SHARDS)
    links = [Link(database_url, "suite", direct=False) for _ in range(4)]
    yield [Placer(link) for link in links]
    for link in links:
        await link.close()


async def test_tenants_come_to_the_shard_with_the_most_room_for_its_weight(placers: list[Placer]) -> None:
    [placer, *_] = placers
    places = [await placer.place(f"tenant{number}") for number in range(9)]

    assert [place.shard for place in places[:3]] == ["a", "b", "b"]
    assert Counter(place.shard for place in places) == {"a": 3, "b": 6}


async def test_those_who_place_at_once_do_not_overfill_a_shard(placers: list[Placer]) -> None:
    places = await asyncio.gather(*(placers[number % 4].place(f"tenant{number}") for number in range(12)))

    assert Counter(place.shard for place in places) == {"a": 4, "b": 8}


async def test_a_tenant_is_placed_once_whoever_asks(placers: list[Placer], database_url: str) -> None:
    places = await asyncio.gather(*(placer.place("acme") for placer in placers))

    assert places == [Place("a")] * 4
    [row] = await fetch(database_url, "select locator, tenant, shard from sooner_directory.tenant")
    assert tuple(row) == (locator("acme"), "acme", "a")


async def test_a_tenant_that_is_somewhere_stays_there(placers: list[Placer], database_url: str) -> None:
    await placers[0].place("acme")
    await fetch(
        database_url, "update sooner_directory.tenant set shard = 'c', previous = 'a', is_frozen = true"
    )

    assert await placers[0].place("acme") == Place("c", previous="a", is_frozen=True)


async def test_without_room_it_is_said_what_to_do(placers: list[Placer], database_url: str) -> None:
    await fetch(database_url, "update sooner_directory.shard set is_draining = true")

    with pytest.raises(CannotPlace, match=r"no shard has room for tenant acme: add one .*--undo"):
        await placers[0].place("acme")
    assert await fetch(database_url, "select from sooner_directory.tenant") == []


async def test_a_locator_that_another_tenant_has_is_refused(placers: list[Placer], database_url: str) -> None:
    await fetch(
        database_url,
        "insert into sooner_directory.tenant (locator, tenant, shard) values ($1, 'globex', 'a')",
        locator("acme"),
    )

    with pytest.raises(CannotPlace, match="tenants acme and globex have the same locator"):
        await placers[0].place("acme")
