"""A tenant that moves is there whole, and the same, whatever dies on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.jobs.moving.move_end import MoveEnd
from sooner.jobs.moving.mover import Mover
from sooner.local.postgres import temporary_cluster
from tests.moving.owned import NOTHING, fill, owned
from tests.support.databases import migrate
from tests.support.jobs import fetch
from tests.support.shards import Shards

if TYPE_CHECKING:
    from tests.moving.conftest import Place

Urls = dict[str, str]

REACH = "select current_setting('max_prepared_transactions'), array_agg(extname::text) from pg_extension"


async def move(urls: Urls, tenant: str, to: str) -> list[str]:
    """Moves a tenant, and returns what the mover said."""
    said: list[str] = []
    await Mover(urls, "home", tenant, say=said.append, settle_seconds=0.05).move(to)
    return said


async def placed(urls: Urls, tenant: str) -> tuple[Any, ...]:
    """Shard, previous and whether it is frozen, by the directory; then the tenant's freezes in a and b."""
    home = await asyncpg.connect(urls["home"])
    row = await home.fetchrow(
        "select shard, previous, is_frozen from sooner_directory.tenant where tenant = $1", tenant
    )
    await home.close()
    assert row is not None
    return (*tuple(row), await frozen(urls["a"], tenant), await frozen(urls["b"], tenant))


async def frozen(url: str, tenant: str) -> str | None:
    connection = await asyncpg.connect(url)
    reason: str | None = await connection.fetchval(
        "select reason from sooner.frozen_tenant where tenant = $1 and until > dramatiq.clock()", tenant
    )
    await connection.close()
    return reason


async def test_a_tenant_with_all_that_it_can_own_moves_whole(urls: Urls, place: Place) -> None:
    for shard in ("a", "b"):
        await fill(urls[shard], f"neighbour in {shard}")
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    neighbours = [await owned(urls[shard], f"neighbour in {shard}") for shard in ("a", "b")]
    assert all(before.values())
    said = await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before
    assert await owned(urls["a"], "acme") == NOTHING
    assert [await owned(urls[shard], f"neighbour in {shard}") for shard in ("a", "b")] == neighbours
    assert await placed(urls, "acme") == ("b", None, False, "gone", None)
    assert any("it was frozen for" in line for line in said)


async def test_it_moves_there_and_back(urls: Urls, place: Place) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    await move(urls, "acme", "b")
    await move(urls, "acme", "a")
    assert await owned(urls["a"], "acme") == before
    assert await owned(urls["b"], "acme") == NOTHING
    assert await placed(urls, "acme") == ("a", None, False, None, "gone")
    assert await move(urls, "acme", "a") == ["acme is in a"]


async def test_no_transaction_touches_two_databases(cluster_url: str) -> None:
    with temporary_cluster() as other:
        other.create("sooner")
        urls = {"home": cluster_url, "b": other.url("sooner")}
        migrate(urls["b"])
        shards = Shards(urls)
        await shards.add()
        await shards.place("acme", "home")
        await fill(urls["home"], "acme")
        before = await owned(urls["home"], "acme")
        await move(urls, "acme", "b")

        # Neither server could prepare a transaction, or reach the other: no extension brings a link or a foreign table.
        for url in urls.values():
            assert [tuple(row) for row in await fetch(url, REACH)] == [("0", ["plpgsql"])]
        assert await owned(urls["b"], "acme") == before
        assert await owned(urls["home"], "acme") == NOTHING


async def test_more_jobs_than_a_batch_takes_move_all(urls: Urls, place: Place) -> None:
    a = await asyncpg.connect(urls["a"])
    # As text the times have another order than as times.
    await a.execute(
        """insert into dramatiq.queue (message_id, actor, lane, message, tenant, state, result, started_at, worker,
          created_at, finished_at, expires_at)
        select sooner.new_id(), 'echo', 'default', '{}', 'acme', 'done', '{}', now(), gen_random_uuid(),
          date_trunc('second', now()) - n * interval '12.5 milliseconds', now() - interval '1 hour', now() + interval '1 day'
        from generate_series(1, 1300) as n"""
    )
    await a.close()
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    assert len(before["jobs"]) == 1300
    await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before
    assert await owned(urls["a"], "acme") == NOTHING


class Killed(BaseException):
    """The mover is no more."""


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Kills the mover at its n-th statement, before or after it: it reaches no database from then on."""
    count = {"left": 0, "calls": 0, "after": False}

    def wrapped(name: str) -> None:
        original = getattr(MoveEnd, name)

        async def call(self: MoveEnd, use: Any) -> Any:
            count["calls"] += 1
            count["left"] -= 1
            if count["left"] == 0 and count["after"]:
                await original(self, use)
            if count["left"] <= 0:
                raise Killed
            return await original(self, use)

        monkeypatch.setattr(MoveEnd, name, call)

    def at(calls: int, *, after: bool = False) -> None:
        count.update(left=calls, calls=0, after=after)

    wrapped("run")
    wrapped("run_whole")
    at.count = count  # type: ignore[attr-defined]
    return at


NEVER = 1_000_000
#: The statement at which the mover is killed first, and how many later next; `after` it is done, or before.
KILLINGS = [
    pytest.param(1, 7, False, "b", id="then on"),
    pytest.param(3, 7, True, "b", id="after it, then on"),
    pytest.param(5, 7, False, "a", id="then back"),
    pytest.param(7, 7, True, "a", id="after it, then back"),
    # Killed before its next statement, it leaves what it leaves when it is killed after this one.
    *(pytest.param(1, 1, False, then, id=f"each, {then}", marks=pytest.mark.slow) for then in ("a", "b")),
]


@pytest.mark.parametrize(("first", "step", "after", "then"), KILLINGS)
async def test_killed_at_any_statement_it_goes_on_or_back(
    urls: Urls, place: Place, kill: Any, first: int, step: int, after: bool, then: str
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    at, is_killed = first, True
    while is_killed:
        kill(at, after=after)
        is_killed = False
        try:
            await move(urls, "acme", "b")
        except Killed:
            is_killed = True
        kill(NEVER)
        await move(urls, "acme", then)
        assert await owned(urls[then], "acme") == before, at
        assert await owned(urls["a" if then == "b" else "b"], "acme") == NOTHING, at
        shard, previous, is_frozen, *freezes = await placed(urls, "acme")
        assert (shard, previous, is_frozen, freezes["ab".index(then)]) == (then, None, False, None), at
        await move(urls, "acme", "a")
        at += step
    assert at > 60
