"""A database between two tests: the next one finds nothing of the test before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sooner.testing import moved_clock
from sooner.testing.kept_database import KeptDatabase, connection_to
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from sooner.testing.kept_listener import KeptListener

OWN = """
    create table own (id serial primary key, after integer references own);
    create table removals (id integer);
    create table watched (id integer);
    create function remove() returns trigger language plpgsql as $$ begin insert into removals values (old.id); return null; end $$;
    create trigger removed after delete on watched for each row execute function remove();
"""
JOB = "select sooner.submit('greet', '{}')"


@pytest.fixture
def kept(database_url: str) -> Iterator[KeptDatabase]:
    """A database with tables of a team's own."""
    with connection_to(database_url) as made, made.cursor() as cursor:
        cursor.execute(OWN)
    made.close()
    database = KeptDatabase("kept", database_url)
    yield database
    database.close()


@pytest.fixture
def other(kept: KeptDatabase) -> Iterator[connection]:
    """A test's own connection."""
    opened = connection_to(kept.url)
    yield opened
    opened.close()


def run(other: connection, *statements: str) -> None:
    with other.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def count(other: connection, table: str) -> int:
    with other.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        return int((cursor.fetchone() or (0,))[0])


def test_rows_are_removed_and_sequences_begin_anew(kept: KeptDatabase, other: connection) -> None:
    run(other, JOB, "insert into own default values", "insert into own (after) values (1)")

    assert kept.empty()

    assert [count(other, table) for table in ("dramatiq.queue", "own")] == [0, 0]
    run(other, "insert into own default values")
    with other.cursor() as cursor:
        cursor.execute("select id from own")
        assert cursor.fetchall() == [(1,)]


def test_a_teams_trigger_writes_nothing_into_the_next_test(kept: KeptDatabase, other: connection) -> None:
    run(other, "insert into watched values (1)")

    assert kept.empty()

    assert count(other, "removals") == 0


def test_a_large_table_is_truncated(kept: KeptDatabase, other: connection) -> None:
    run(other, "insert into own select from generate_series(1, 50_000)")

    assert kept.empty()

    with other.cursor() as cursor:
        cursor.execute("select pg_relation_size('own')")
        assert cursor.fetchone() == (0,)


def test_the_time_is_the_servers_again(kept: KeptDatabase, other: connection) -> None:
    run(other, moved_clock.statement(3600))

    assert kept.empty()

    with other.cursor() as cursor:
        cursor.execute("select dramatiq.clock() = now()")
        assert cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    "statement",
    ["create table more ()", "drop table removals", "create view more as select 1 as one"],
)
def test_a_database_whose_schema_a_test_changed_is_given_up(
    kept: KeptDatabase, other: connection, statement: str
) -> None:
    run(other, statement)

    assert not kept.empty()


def test_a_database_in_which_a_transaction_is_open_is_given_up(kept: KeptDatabase, other: connection) -> None:
    run(other, "insert into own default values", "begin", "insert into own default values")

    assert not kept.empty()


def test_a_database_whose_connection_is_gone_is_given_up(kept: KeptDatabase, other: connection) -> None:
    run(
        other,
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    )

    assert not kept.empty()


async def test_a_listener_whose_connection_is_gone_makes_way_for_the_next(
    kept: KeptDatabase, other: connection
) -> None:
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listening() -> KeptListener:
        return kept._listening({"news": heard.put_nowait}, lambda: None)

    lost = listening()
    lost.start()
    run(other, "notify news, 'first'")
    async with asyncio.timeout(PATIENCE):
        assert await heard.get() == "first"
        run(
            other,
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()",
        )
        while lost._descriptor is not None:  # noqa: ASYNC110 - the server ends the session
            await asyncio.sleep(0.01)
        await lost.stop()
        again = listening()
        again.start()
        run(other, "notify news, 'second'")
        assert await heard.get() == "second"
        await again.stop()
    assert failures == []


def test_where_migrations_fill_a_table_each_test_has_a_copy(kept: KeptDatabase, other: connection) -> None:
    assert kept.is_kept
    run(other, "insert into own default values")

    filled = KeptDatabase("filled", kept.url)

    assert not filled.is_kept
    filled.close()
