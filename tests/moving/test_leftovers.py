"""What runs, ends or comes at the source while a tenant moves, and what shares a key with what is at the target by then."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.jobs.moving.copier import Copier
from sooner.jobs.moving.move_end import MoveEnd, MoveHalted, ShardLost
from sooner.jobs.moving.mover import Mover
from sooner.jobs.moving.source_freeze import SourceFreeze
from sooner.jobs.moving.tables import shared_tables
from tests.moving.owned import NOTHING, fill, owned
from tests.moving.test_mover import Urls, frozen, move, placed
from tests.support.roles import PASSWORD, address, as_role
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.moving.conftest import Place

RUNNING = """
update dramatiq.queue set state = 'consumed', worker = gen_random_uuid(), started_at = now(), fence = fence + 1, due_at = null
where message_id = any(array(select message_id from dramatiq.queue where {which} and state = 'queued' order by message_id limit {most}))
returning message_id
"""
DONE = """
update dramatiq.queue set state = 'done', result = '{"n": 1}', finished_at = now(), mtime = now(), version = version + 1
where message_id = $1
"""
RETRIED = """
update dramatiq.queue set state = 'queued', worker = null, due_at = now() + interval '2 hours', mtime = now(), version = version + 1
where message_id = $1
"""
SAID = (
    "insert into sooner.output (job, number, fence, piece) values ($1, 10, 78, '\"last\"')",
    "insert into sooner.log_line (job, number, attempt, at, level, logger, message) values ($1, 78001, 2, now(), 'info', 'x', 'last')",
    "insert into sooner.file (id, job, name, type, bytes, sha256) values (gen_random_uuid(), $1, 'late', 'text/plain', 3, 'abc')",
    "insert into sooner.file_chunk (file, position, data) select id, 0, 'abc' from sooner.file where job = $1 and name = 'late'",
)
CHILD = """
insert into dramatiq.queue (message_id, actor, lane, message, tenant, parent, unique_key, idempotency_key, turn)
values (sooner.new_id(), 'echo', 'default', '{"kwargs": {}, "options": {}}', 'acme', $1, $2, $3, 1) returning message_id
"""
LOST = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'sooner mover'"
MAIL = """
insert into dramatiq.queue (message_id, actor, lane, queue_name, message, turn)
values (sooner.new_id(), 'deliver_mail', 'mail', 'mail',
  jsonb_build_object('actor_name', 'deliver_mail', 'kwargs', jsonb_build_object('job', $1::uuid)), 7) returning message_id
"""
#: The tenant is its target's, and the mover waits until nobody looks for it at the source any more.
RESTS = """
select max(state_change) < clock_timestamp() - interval '1 second'
  and exists (select from sooner.frozen_tenant where reason = 'leaving' and until = 'infinity')
from pg_stat_activity where datname = current_database() and application_name = 'sooner mover'
"""
SWITCHED = "select shard = 'b' from sooner_directory.tenant where tenant = 'acme'"


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def test_jobs_that_run_end_where_they_run_and_are_brought_then(urls: Urls, place: Place) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    async with connected(urls["a"]) as a, connected(urls["b"]) as b, connected(urls["home"]) as home:
        jobs = [row[0] for row in await a.fetch(RUNNING.format(which="tenant = 'acme'", most=3))]
        deliveries = [
            row[0] for row in await a.fetch(RUNNING.format(which="actor = 'deliver_webhook'", most=1))
        ]
        moving = asyncio.create_task(move(urls, "acme", "b"))
        await until(home, SWITCHED)
        await until(b, "select not exists (select from sooner.frozen_tenant where tenant = 'acme')")
        assert await b.fetchval("select count(*) from dramatiq.queue where message_id = any($1)", jobs) == 0
        assert await frozen(urls["a"], "acme") == "leaving"
        child = await a.fetchval(CHILD, jobs[0], None, None)
        await until(b, "select exists (select from dramatiq.queue where message_id = $1)", child)
        for statement in (*SAID, DONE):
            await a.execute(statement, jobs[0])
        await until(
            b, "select exists (select from dramatiq.queue where message_id = $1 and state = 'done')", jobs[0]
        )
        assert not moving.done()
        await a.execute(RETRIED, jobs[1])
        await a.execute(DONE, jobs[2])
        await a.execute(RETRIED, deliveries[0])
        told = await moving
        assert (
            await b.fetchval("select count(*) from dramatiq.queue where message_id = any($1)", [*jobs, child])
            == 4
        )
        assert (
            await b.fetchval("select count(*) from sooner.output where job = $1 and number = 10", jobs[0])
            == 1
        )
        assert (
            await b.fetchval(
                "select count(*) from sooner.log_line where job = $1 and number = 78001", jobs[0]
            )
            == 1
        )
        assert (
            await b.fetchval(
                "select data from sooner.file_chunk join sooner.file on id = file where name = 'late'"
            )
            == b"abc"
        )
        due = "select due_at > now() + interval '1 hour' from dramatiq.queue where message_id = $1"
        assert await b.fetchval(due, jobs[1])
        assert await b.fetchval(due, deliveries[0])
    assert await owned(urls["a"], "acme") == NOTHING
    assert await placed(urls, "acme") == ("b", None, False, "gone", None)
    assert sum("still run in a" in line for line in told) == 1


async def test_a_key_that_is_taken_at_the_target_is_dropped_and_the_job_stays(
    urls: Urls, place: Place
) -> None:
    await place("acme", "a")
    async with connected(urls["a"]) as a, connected(urls["b"]) as b, connected(urls["home"]) as home:
        parent = await a.fetchval(CHILD, None, None, None)
        await a.fetch(RUNNING.format(which="tenant = 'acme'", most=1))
        moving = asyncio.create_task(move(urls, "acme", "b"))
        await until(home, SWITCHED)
        await until(b, "select not exists (select from sooner.frozen_tenant where tenant = 'acme')")
        holder = await b.fetchval(CHILD, None, "twin", "key")
        child = await a.fetchval(CHILD, parent, "twin", "key")
        await a.execute(DONE, parent)
        await moving
        kept = await b.fetch(
            "select message_id, unique_key, idempotency_key from dramatiq.queue where message_id = any($1)",
            [holder, child],
        )
    assert {row[0]: (row[1], row[2]) for row in kept} == {holder: ("twin", "key"), child: (None, None)}


async def test_a_key_that_changes_hands_while_copies_are_made_is_its_holders(urls: Urls) -> None:
    ends = MoveEnd("a", urls["a"]), MoveEnd("b", urls["b"])
    copier = Copier(*ends, await shared_tables(*ends), held_by_nobody)
    async with connected(urls["a"]) as a:
        former = await a.fetchval(CHILD, None, "twin", "key")
        await copier.replace_jobs([former])
        await a.execute(DONE, former)
        await a.execute("update dramatiq.queue set idempotency_key = null where message_id = $1", former)
        holder = await a.fetchval(CHILD, None, "twin", "key")

        await copier.replace_jobs([holder])
        await copier.replace_jobs([former])

    for end in ends:
        await end.close()
    assert await owned(urls["b"], "acme") == await owned(urls["a"], "acme")


async def held_by_nobody(connection: object) -> None:
    """No mover is another's."""


async def test_a_mail_about_a_job_that_ends_where_it_runs_is_due_at_the_target(
    urls: Urls, place: Place
) -> None:
    await place("acme", "a")
    async with connected(urls["a"]) as a, connected(urls["b"]) as b, connected(urls["home"]) as home:
        job = await a.fetchval(CHILD, None, None, None)
        await a.fetch(RUNNING.format(which="tenant = 'acme'", most=1))
        moving = asyncio.create_task(move(urls, "acme", "b"))
        await until(home, SWITCHED)
        await until(b, "select not exists (select from sooner.frozen_tenant where tenant = 'acme')")
        async with a.transaction():
            await a.execute(DONE, job)
            mail = await a.fetchval(MAIL, job)
        await moving
        assert await b.fetchval("select due_at <= now() from dramatiq.queue where message_id = $1", mail)
        assert await a.fetchval("select count(*) from dramatiq.queue") == 0


async def test_a_tenant_works_on_where_its_database_was_lost_just_before_the_switch(
    urls: Urls, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")

    async def end_own_backend(connection: Any) -> None:
        await connection.execute("select pg_terminate_backend(pg_backend_pid())")

    async def park_and_lose(leaving: SourceFreeze, ids: object, due_by: object) -> None:
        await leaving.run_held(end_own_backend)

    monkeypatch.setattr(SourceFreeze, "park", park_and_lose)
    with pytest.raises(ShardLost, match="shard a is away"):
        await move(urls, "acme", "b")
    assert await placed(urls, "acme") == ("a", None, False, None, "arriving")
    monkeypatch.undo()
    before = await owned(urls["a"], "acme")
    await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before


async def test_what_comes_once_nothing_runs_any_more_is_brought(urls: Urls, place: Place) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    async with connected(urls["a"]) as a, connected(urls["b"]) as b:
        moving = asyncio.create_task(Mover(urls, "home", "acme", settle_seconds=3).move("b"))
        await until(a, RESTS)
        # As a thread submits that has outlived its job.
        await a.execute("set sooner.of_job = on")
        late = await a.fetchval("select sooner.submit('echo', tenant => 'acme')")
        await moving
        assert (
            await b.fetchval("select state::text from dramatiq.queue where message_id = $1", late) == "queued"
        )
    assert await owned(urls["a"], "acme") == NOTHING
    assert await placed(urls, "acme") == ("b", None, False, "gone", None)


async def test_a_column_that_the_target_does_not_have_yet_stays_behind(urls: Urls, place: Place) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    async with connected(urls["a"]) as a:
        await a.execute("alter table dramatiq.queue add column later text default 'x'")
        await a.execute("alter table sooner.upload add column later text default 'x'")
    await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before


async def test_rows_that_are_no_copies_are_left_alone(urls: Urls, place: Place) -> None:
    for shard in ("a", "b"):
        await fill(urls[shard], "acme")
    await place("acme", "a")
    before = [await owned(urls[shard], "acme") for shard in ("a", "b")]
    with pytest.raises(MoveHalted, match="b has rows of acme that are no copies"):
        await move(urls, "acme", "b")
    assert [await owned(urls[shard], "acme") for shard in ("a", "b")] == before
    assert await placed(urls, "acme") == ("a", None, False, None, None)


async def test_a_transaction_that_does_not_end_is_named_and_the_tenant_works_on(
    urls: Urls, place: Place
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    async with connected(urls["a"]) as a:
        await a.execute("begin; select 1")
        with pytest.raises(MoveHalted, match=r"process \d+, .* idle in transaction"):
            await move(urls, "acme", "b")
        assert await placed(urls, "acme") == ("a", None, False, None, "arriving")
        await a.execute("rollback")
    before = await owned(urls["a"], "acme")
    await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before


async def test_a_copy_that_is_missing_is_missed_also_where_an_expired_one_is_left(
    urls: Urls, place: Place
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    async with connected(urls["a"]) as a, connected(urls["b"]) as b:
        await a.execute("begin; select 1")
        with pytest.raises(MoveHalted, match="does not end"):
            await move(urls, "acme", "b")
        await a.execute("rollback")
        await b.execute("set sooner.moving = on")
        waiting = "select message_id from dramatiq.queue where tenant = 'acme' and state = 'queued' limit 1"
        await b.execute(f"delete from dramatiq.queue where message_id = ({waiting})")
        expired = await b.fetchval(CHILD, None, None, None)
        await b.execute(DONE, expired)
        await b.execute("update dramatiq.queue set expires_at = now() where message_id = $1", expired)
    with pytest.raises(MoveHalted, match="has copies of 10 of the 11 jobs of acme"):
        await move(urls, "acme", "b")


@pytest.fixture
async def owner(urls: Urls) -> AsyncIterator[Urls]:
    """The databases' addresses for an owner that is no superuser: of others' sessions it sees little."""
    name = f"sooner_owner_{os.getpid()}"
    async with connected(urls["home"]) as server:
        superuser = await server.fetchval("select quote_ident(current_user)")
        await server.execute(f"create role {name} login password '{PASSWORD}' in role {superuser}")
        yield {shard: as_role(url, name) for shard, url in urls.items()}
        await server.execute(f"drop role {name}")


async def test_an_owner_that_is_no_superuser_waits_for_others_transactions(
    urls: Urls, place: Place, owner: Urls
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    async with connected(address(urls["a"], "client")) as client:
        await client.execute("begin; select 1")
        with pytest.raises(MoveHalted, match=r"does not end: process \d+, .*, under way"):
            await move(owner, "acme", "b")
        await client.execute("rollback")
    await move(owner, "acme", "b")
    assert await owned(urls["b"], "acme") == before


@pytest.mark.parametrize("away", ["a", "b", "home"])
@pytest.mark.parametrize("when", ["copied", "frozen", "is in b"])
async def test_a_database_that_goes_away_in_the_middle(
    urls: Urls, place: Place, away: str, when: str
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    name = urls[away].rsplit("/", 1)[1]
    others = [url for shard, url in urls.items() if shard != away]
    going: list[asyncio.Task[None]] = []
    async with connected(others[0]) as server:

        async def go_for_a_second() -> None:
            async with asyncio.timeout(1):
                while True:
                    await server.execute(LOST, name)

        def say(line: str) -> None:
            if when in line and not going:
                going.append(asyncio.create_task(go_for_a_second()))

        with contextlib.suppress(MoveHalted):
            await Mover(urls, "home", "acme", say=say, settle_seconds=1).move("b")
        with contextlib.suppress(TimeoutError):
            await going[0]
    await move(urls, "acme", "b")
    assert await owned(urls["b"], "acme") == before
    assert await owned(urls["a"], "acme") == NOTHING
    assert await placed(urls, "acme") == ("b", None, False, "gone", None)
