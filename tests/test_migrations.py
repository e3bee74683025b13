"""The migrations: from nothing to the newest revision and back, as often as wanted, beside whatever else is in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import dramatiq
import pytest
from dramatiq_pg import PostgresBroker, generate_init_sql

from ops import schema
from sooner.local.postgres import VERSION
from tests.support import roles, trees
from tests.support.databases import migrate
from tests.support.jobs import fetch
from tests.support.rows import until
from tests.support.schema import alembic, columns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect
    from tests.support.databases import Databases
    from tests.support.processes import Processes

NEWEST = trees.newest_revision().name.partition("_")[0]


async def revisions(database_url: str, schema: str) -> list[str]:
    """What a schema's version table says."""
    rows = await fetch(database_url, f"select version_num from {schema}.alembic_version")
    return [row["version_num"] for row in rows]


async def has_table(database_url: str, name: str) -> bool:
    """Whether there is a table of that name."""
    [row] = await fetch(database_url, "select to_regclass($1) is not null as there", name)
    return bool(row["there"])


async def test_up_down_and_up_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    first = await columns(empty_database_url)

    alembic(empty_database_url, "downgrade", "base")
    nothing = await columns(empty_database_url)
    migrate(empty_database_url)
    migrate(empty_database_url)

    assert nothing == {}
    assert await columns(empty_database_url) == first
    assert ("dramatiq.queue", "message_id") in first
    assert await revisions(empty_database_url, "sooner") == [NEWEST]
    assert not await has_table(empty_database_url, "public.alembic_version")


async def test_the_page_shows_the_newest_schema(databases: Databases, database_url: str) -> None:
    [row] = await fetch(database_url, "select current_setting('server_version_num')::int / 10000 as version")
    if row["version"] != VERSION:
        pytest.skip(f"another version's pg_dump writes in another way than {VERSION}'s")

    made = schema.page(databases.url(urlsplit(database_url).path[1:]))

    assert schema.PAGE.read_text() == made, "ops/docs/schema.sql is out of date: ./ops/schema writes it anew"


@pytest.mark.parametrize("theirs", [["ae1027a6acf2"], ["0009"], []])
async def test_the_version_table_of_another_program_is_none_of_ours(
    theirs: list[str], empty_database_url: str
) -> None:
    await fetch(empty_database_url, "create table public.alembic_version (version_num text primary key)")
    await fetch(empty_database_url, "insert into public.alembic_version select unnest($1::text[])", theirs)

    migrate(empty_database_url)
    migrate(empty_database_url)

    assert sorted(await revisions(empty_database_url, "public")) == sorted(theirs)
    assert await revisions(empty_database_url, "sooner") == [NEWEST]
    assert ("dramatiq.queue", "lane") in await columns(empty_database_url)


async def test_a_deployment_of_before_is_moved_over(
    database_url: str, processes: Processes, connect: Connect, tmp_path: Path
) -> None:
    """Its processes go on reading the former table while they are replaced; a release later it is gone."""
    await fetch(database_url, "alter table sooner.alembic_version set schema public")
    before = await columns(database_url)
    early = await processes.web(ready=False)
    await early.line("Uvicorn running")
    unready = await connect(early).get("/readyz")

    for _ in range(2):
        migrate(database_url)
        assert await revisions(database_url, "sooner") == [NEWEST]
        assert await revisions(database_url, "public") == [NEWEST]
    web = await asyncpg.connect(roles.address(database_url, "web"))
    assert await web.fetchval("select version_num from sooner.alembic_version") == NEWEST
    assert await web.fetchval("select version_num from public.alembic_version") == NEWEST
    await web.close()
    await early.ready()
    migrate(database_url, root=trees.with_one_more_revision(tmp_path))

    assert await revisions(database_url, "sooner") == ["9999"]
    assert not await has_table(database_url, "public.alembic_version")
    assert unready.status_code == 503
    assert f"at no revision, this code needs {NEWEST}: run the migrations" in unready.json()["detail"]
    assert before.keys() <= (await columns(database_url)).keys()


async def test_tables_of_ours_without_a_revision_are_left_alone(database_url: str) -> None:
    await fetch(database_url, "drop table sooner.alembic_version")

    with pytest.raises(AssertionError, match="alembic stamp REVISION"):
        migrate(database_url)
    alembic(database_url, "stamp", NEWEST)
    migrate(database_url)

    assert await revisions(database_url, "sooner") == [NEWEST]


async def test_a_table_of_the_same_name_is_no_stock_one(empty_database_url: str) -> None:
    await fetch(empty_database_url, "create schema dramatiq")
    await fetch(empty_database_url, "create table dramatiq.queue (message_id uuid, state text)")

    with pytest.raises(AssertionError, match="not dramatiq-pg's table"):
        migrate(empty_database_url)

    assert list(await columns(empty_database_url)) == [
        ("dramatiq.queue", "message_id"),
        ("dramatiq.queue", "state"),
    ]


async def test_a_stock_schema_is_taken_over_with_its_rows(
    empty_database_url: str, processes: Processes
) -> None:
    url = empty_database_url
    await stock(url)
    broker = PostgresBroker(url=url)
    sent = {
        name: broker.enqueue(message(number), delay=delay).message_id
        for number, (name, delay) in enumerate(
            {"queued": None, "delayed": 1, "held": None, "done": None, "rejected": None}.items()
        )
    }
    broker.pool.closeall()
    await fetch(
        url,
        "update dramatiq.queue set state = $2, mtime = now(), result = $3::jsonb where message_id = $1::text::uuid",
        *(sent["held"], "consumed", None),
    )
    for name, state, result in (("done", "done", "[7]"), ("rejected", "rejected", None)):
        await fetch(
            url,
            "update dramatiq.queue set state = $2, result = $3::jsonb where message_id = $1::text::uuid",
            *(sent[name], state, result),
        )

    migrate(url)

    assert sorted((await jobs(url)).values()) == ["done", "queued", "queued", "queued", "rejected"]
    roles.grant(url)
    await processes.worker(DATABASE_URL=url)
    db = await asyncpg.connect(url)
    await until(db, "select count(*) = 4 from dramatiq.queue where state = 'done'")
    assert await db.fetchval("select has_table_privilege('pg_monitor', 'dramatiq.queue', 'insert')")
    await db.close()
    found = await jobs(url, "result")
    assert {name: found[id] for name, id in sent.items()} == {
        "queued": '{"number": 0}',
        "delayed": '{"number": 1}',
        "held": '{"number": 2}',
        "done": "[7]",
        "rejected": None,
    }


async def stock(database_url: str) -> None:
    """Makes dramatiq-pg's own schema, on whose table somebody else has a right."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(generate_init_sql())
    await connection.execute("grant insert on dramatiq.queue to pg_monitor")
    await connection.close()


async def jobs(database_url: str, column: str = "state") -> dict[str, Any]:
    """A column of the queue by message."""
    rows = await fetch(
        database_url, f"select message_id::text as id, {column}::text as said from dramatiq.queue"
    )
    return {row["id"]: row["said"] for row in rows}


def message(number: int) -> dramatiq.Message[Any]:
    """A message of a stock producer."""
    return dramatiq.Message("default", "echo", (), {"number": number}, {})
