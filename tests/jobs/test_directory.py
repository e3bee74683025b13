"""The directory: who is where, as a web process remembers it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest
import tenacity

from sooner.db import Unavailable
from sooner.jobs.tenants import directory
from sooner.jobs.tenants.directory import CachedDirectory, Place, Sole
from sooner.jobs.tenants.locator import locator
from tests.support.jobs import fetch
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sooner.local.postgres import Cluster

ACME, GLOBEX = locator("acme"), locator("globex")
#: Notifications are lost.
SILENCE = "alter table sooner_directory.tenant disable trigger tenant_tell"
FREEZE = "update sooner_directory.tenant set is_frozen = true where tenant = 'acme'"
SWITCH = (
    "update sooner_directory.tenant set shard = 'b', previous = 'a', is_frozen = false where tenant = 'acme'"
)
THAW = "update sooner_directory.tenant set is_frozen = false where tenant = 'acme'"


async def add(url: str, tenant: str, shard: str = "a") -> None:
    """Puts a tenant into the directory."""
    await fetch(url, "insert into sooner_directory.shard (name) values ('a'), ('b') on conflict do nothing")
    await fetch(
        url,
        "insert into sooner_directory.tenant (locator, tenant, shard) values ($1, $2, $3)",
        locator(tenant),
        tenant,
        shard,
    )


@contextlib.asynccontextmanager
async def opened(url: str, *, listen: bool = True) -> AsyncIterator[CachedDirectory]:
    """A directory that listens, for as long as the block runs."""
    made = CachedDirectory(url, listen=listen)
    made.start()
    try:
        if made._listener is not None:
            await made._listener.ready()
        yield made
    finally:
        await made.stop()


async def shows(made: CachedDirectory, tenant: str, place: Place) -> None:
    """Asks again and again until the tenant is known to be there. Raises TimeoutError."""
    asking = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda found: found != place),
        wait=tenacity.wait_fixed(0.02),
        stop=tenacity.stop_after_delay(PATIENCE),
    )
    await asking(made.find, locator(tenant))


@pytest.fixture(params=[True, False], ids=["listening", "polling"])
async def there(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[CachedDirectory]:
    """A directory with tenant acme on shard a."""
    await add(database_url, "acme")
    async with opened(database_url, listen=request.param) as made:
        yield made


@pytest.fixture
def long_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing grows old by itself."""
    monkeypatch.setattr(directory, "FRESH_SECONDS", 3600.0)
    monkeypatch.setattr(directory, "POLL_SECONDS", 3600.0)


async def test_a_place_is_found_once_and_known_then(there: CachedDirectory) -> None:
    assert there.known(ACME) is None
    assert await there.find(ACME) == Place("a")
    assert there.known(ACME) == Place("a")


async def test_a_tenant_that_is_nowhere_is_not_asked_for_again_at_once(
    there: CachedDirectory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await there.find(GLOBEX) is None
    assert await there.find("no locator\0") is None
    monkeypatch.setattr(directory, "SQL", None)

    assert await there.find(GLOBEX) is None
    assert await there.find_anew(GLOBEX) is None


async def test_a_new_tenant_is_found_though_it_was_asked_for_before(
    there: CachedDirectory, database_url: str
) -> None:
    assert await there.find(GLOBEX) is None
    await add(database_url, "globex", "b")

    await shows(there, "globex", Place("b"))


async def test_concurrent_askers_share_a_statement(database_url: str) -> None:
    await add(database_url, "acme")
    asked: list[int] = []
    made = CachedDirectory(database_url)
    ask = made._read_many

    async def counted(locators: list[str]) -> object:
        asked.append(len(locators))
        return await ask(locators)

    made._read._execute = counted  # type: ignore[assignment]
    try:
        found = await asyncio.gather(*(made.find(ACME) for _ in range(50)))
    finally:
        await made.stop()

    assert found == [Place("a")] * 50
    assert asked == [50]


@pytest.mark.direct("notifications")
@pytest.mark.usefixtures("long_memory")
async def test_a_notification_is_heard_and_the_place_read_again(database_url: str) -> None:
    await add(database_url, "acme")
    async with opened(database_url) as made:
        seen = await made.find(ACME)
        assert seen == Place("a")
        changed = asyncio.create_task(made.changed(ACME, seen, 30))
        await fetch(database_url, SWITCH)

        assert await changed == Place("b", previous="a")
        assert made.known(ACME) == Place("b", previous="a")


async def test_who_waits_for_a_thaw_gets_the_place_behind_it(
    there: CachedDirectory, database_url: str
) -> None:
    seen = await there.find(ACME)
    assert seen is not None
    await fetch(database_url, FREEZE)
    waits = asyncio.create_task(there.changed(ACME, seen, 30))
    await shows(there, "acme", Place("a", is_frozen=True))
    assert not waits.done()
    await fetch(database_url, SWITCH)

    assert await waits == Place("b", previous="a")


async def test_a_thaw_at_the_same_place_ends_the_wait(there: CachedDirectory, database_url: str) -> None:
    await fetch(database_url, FREEZE)
    frozen = await there.find(ACME)
    assert frozen == Place("a", is_frozen=True)
    waits = asyncio.create_task(there.changed(ACME, frozen, 30))
    await fetch(database_url, THAW)

    assert await waits == Place("a")


async def test_who_waits_does_not_miss_what_came_before(there: CachedDirectory, database_url: str) -> None:
    before = await there.find(ACME)
    assert before is not None
    await fetch(database_url, SWITCH)
    after = Place("b", previous="a")
    assert await there.changed(ACME, before, 30) == after
    began = time.monotonic()

    assert await there.changed(ACME, before, 30) == after
    assert time.monotonic() - began < 0.1
    assert await there.changed(ACME, after, 0.05) == after


async def test_a_look_past_the_cache_is_made_once_a_second(
    there: CachedDirectory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fetch(database_url, SILENCE)
    await there.find(ACME)
    await fetch(database_url, SWITCH)
    monkeypatch.setattr(directory, "AGAIN_SECONDS", 3600.0)
    assert await there.find_anew(ACME) == Place("a")
    monkeypatch.setattr(directory, "AGAIN_SECONDS", 0.0)
    assert await there.find_anew(ACME) == Place("b", previous="a")


async def test_an_old_place_is_read_before_it_is_answered(
    there: CachedDirectory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fetch(database_url, SILENCE)
    await there.find(ACME)
    await fetch(database_url, SWITCH)
    monkeypatch.setattr(directory, "OLD_SECONDS", 0.0)

    assert there.known(ACME) is None
    assert await there.find(ACME) == Place("b", previous="a")


async def test_what_is_remembered_serves_on_while_the_home_is_away(
    cluster: Cluster, cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(directory, "AGAIN_SECONDS", 0.1)
    await add(cluster_url, "acme")
    await fetch(cluster_url, "insert into sooner_directory.key values ('\\x01', $1)", ACME)
    async with opened(cluster_url) as made:
        await made.find(ACME)
        await made.locator_of_digest(b"\x01")
        cluster.stop()

        assert [await made.find(ACME) for _ in range(3)] == [Place("a")] * 3
        assert await made.find_anew(ACME) == Place("a")
        assert await made.locator_of_digest(b"\x01") == ACME
        with pytest.raises(Unavailable):
            await made.find(GLOBEX)
        with pytest.raises(Unavailable):
            await made.locator_of_digest(b"\x02")
        assert made.known(ACME) == Place("a")
        monkeypatch.setattr(directory, "OLD_SECONDS", 0.0)
        assert [await made.find(ACME) for _ in range(3)] == [Place("a")] * 3
        cluster.start()
        await fetch(cluster_url, SWITCH)

        await shows(made, "acme", Place("b", previous="a"))


@pytest.mark.direct("notifications")
@pytest.mark.usefixtures("long_memory")
async def test_after_a_new_connection_every_place_is_old(database_url: str) -> None:
    await add(database_url, "acme")
    looker = await asyncpg.connect(database_url)
    async with opened(database_url) as made:
        await made.find(ACME)
        await fetch(database_url, SILENCE)
        await fetch(database_url, SWITCH)
        assert made.known(ACME) == Place("a")
        await looker.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name = 'sooner directory listen'"
        )

        await shows(made, "acme", Place("b", previous="a"))
    await looker.close()


async def test_a_home_that_is_silent_is_not_waited_for(database_url: str) -> None:
    await add(database_url, "acme")
    holder = await asyncpg.connect(database_url)
    async with opened(database_url) as made, holder.transaction():
        await made.find(ACME)
        await holder.execute("lock table sooner_directory.tenant in access exclusive mode")
        began = time.monotonic()

        assert await made.find(ACME) == Place("a")
        assert time.monotonic() - began < 0.5
        with pytest.raises(Unavailable):
            await made.find(GLOBEX)
        assert time.monotonic() - began < directory.ANSWER_SECONDS + 1
    await holder.close()


async def test_no_more_is_remembered_than_there_is_room_for(
    there: CachedDirectory, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "MOST_REMEMBERED", 2)
    for tenant in ("one", "two", "three"):
        await add(database_url, tenant)
        await there.find(locator(tenant))
    for name in ("nobody", "no one", "none"):
        assert await there.find(locator(name)) is None

    assert list(there._entries) == [locator("two"), locator("three")]
    assert len(there._unknown) == 2


async def test_a_key_without_a_locator_is_looked_up(there: CachedDirectory, database_url: str) -> None:
    assert await there.locator_of_digest(b"\x01") is None
    await fetch(database_url, "insert into sooner_directory.key values ('\\x01', $1)", ACME)

    assert await there.locator_of_digest(b"\x01") is None
    there._unknown.clear()
    assert await there.locator_of_digest(b"\x01") == ACME


async def test_one_database_needs_no_directory() -> None:
    sole = Sole("")
    sole.start()

    assert sole.known("anything") == await sole.find(ACME) == await sole.find_anew(ACME) == Place("")
    assert await sole.changed(ACME, Place(""), 0) == Place("")
    assert await sole.locator_of_digest(b"\x01") is None
    await sole.stop()
