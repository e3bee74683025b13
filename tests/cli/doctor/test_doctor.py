"""The doctor: a line a check, and an exit code that a deploy can trust."""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

import pytest

from tests.support import ROOT, roles
from tests.support.bouncer import bouncer
from tests.support.environment import environment
from tests.support.jobs import fetch


async def doctor(**settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and by check the verdict and what was found."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.doctor",
        cwd=ROOT,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    assert errors.decode() == ""
    lines = {}
    for line in output.decode().splitlines():
        name, _, found = line[6:].partition(": ")
        lines[name] = (line[:6].strip(), found)
    return command.returncode or 0, lines


async def test_all_is_well(database_url: str) -> None:
    code, lines = await doctor(DATABASE_URL=database_url)

    assert {verdict for verdict, _ in lines.values()} == {"ok"}, lines
    assert code == 0
    assert list(lines) == [
        "database",
        "pooler",
        "notifications",
        "connections",
        "schema",
        "clocks",
        "dead rows",
        "leases",
        "stranded",
    ]


async def test_a_database_that_is_away() -> None:
    code, lines = await doctor(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")

    assert code == 1
    assert lines["database"][0] == "WRONG"


async def test_a_database_that_is_not_migrated(empty_database_url: str) -> None:
    code, lines = await doctor(DATABASE_URL=empty_database_url)

    assert code == 1
    assert "alembic upgrade head" in lines["schema"][1]


async def test_the_version_table_of_another_program_is_no_schema(empty_database_url: str) -> None:
    await fetch(empty_database_url, "create table public.alembic_version (version_num text primary key)")
    await fetch(empty_database_url, "insert into public.alembic_version values ('ae1027a6acf2')")

    code, lines = await doctor(DATABASE_URL=empty_database_url)

    assert code == 1
    assert "alembic upgrade head" in lines["schema"][1]


@pytest.mark.parametrize(
    ("statement", "check", "remedy"),
    [
        ("drop table dramatiq.queue cascade", "dead rows", "begin anew"),
        ("drop table sooner.worker cascade", "leases", "begin anew"),
        ("drop function dramatiq.clock() cascade", "clocks", "begin anew"),
        ("alter table sooner.alembic_version rename to other", "schema", "alembic upgrade head"),
        ("revoke all on sooner.alembic_version from sooner_web", "schema", "roles.sql"),
        ("revoke all on sooner.worker from sooner_web", "leases", "roles.sql"),
    ],
)
async def test_whatever_is_wrong_is_a_line_with_a_remedy(
    statement: str, check: str, remedy: str, database_url: str
) -> None:
    await fetch(database_url, statement)

    code, lines = await doctor(DATABASE_URL=roles.address(database_url, "web"))

    assert code == 1
    assert lines[check][0] == "WRONG"
    assert remedy in lines[check][1]


async def test_jobs_that_nobody_holds(database_url: str) -> None:
    await fetch(
        database_url,
        "insert into dramatiq.queue (message_id, lane, actor, message, state, worker, started_at)"
        " values ($1, 'default', 'echo', '{}', 'consumed', $1, now())",
        uuid4(),
    )

    code, lines = await doctor(DATABASE_URL=database_url)

    assert code == 1
    assert lines["leases"][0] == "WRONG"
    assert "1 jobs are held by nobody" in lines["leases"][1]


async def test_nothing_listens_where_nothing_shall(database_url: str) -> None:
    code, lines = await doctor(DATABASE_URL=database_url, LISTEN="0")

    assert code == 0
    assert "LISTEN=0" in lines["notifications"][1]


async def test_a_pooler_that_lends_sessions_out(database_url: str) -> None:
    with bouncer(database_url) as pooler:
        pooled = pooler.address(database_url)
        code, lines = await doctor(DATABASE_URL=pooled)
        resigned, quiet = await doctor(DATABASE_URL=pooled, LISTEN="0")

    assert code == 1
    assert lines["pooler"] == (
        "WRONG",
        "transaction mode, where nothing can listen: set LISTEN=0 for web and worker",
    )
    assert resigned == 0
    assert quiet["pooler"] == ("ok", "transaction mode, with LISTEN=0")
