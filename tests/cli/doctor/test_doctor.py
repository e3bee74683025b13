"""The doctor: a line a check, and an exit code that a deploy can trust."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from sooner.cli.doctor import checks
from sooner.cli.doctor.checks import CheckFailed, Deployment
from sooner.db import budget
from sooner.local.ports import free_port
from tests.support import ROOT, roles
from tests.support.bouncer import bouncer
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.objects import Folder
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.processes import Processes


#: Our processes' connections, once there are so many.
OPEN = """
select case when count(*) >= $1 then count(*) end from pg_stat_activity
where datname = current_database() and application_name like 'sooner%'
"""


DEAD = "select n_dead_tup from pg_stat_user_tables where relid = 'dramatiq.queue'::regclass"


async def run(arguments: list[str], **settings: str) -> tuple[str, int]:
    """What the doctor prints, and its exit code."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.doctor",
        *arguments,
        cwd=ROOT,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    assert errors.decode() == ""
    return output.decode(), command.returncode or 0


async def doctor(**settings: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code, and by check the verdict and what was found."""
    output, code = await run([], **settings)
    lines = {}
    for line in output.splitlines():
        name, _, found = line[6:].partition(": ")
        lines[name] = (line[:6].strip(), found)
    return code, lines


async def test_all_is_well(database_url: str) -> None:
    code, lines = await doctor(DATABASE_URL=database_url)

    assert {verdict for verdict, _ in lines.values()} == {"ok"}, lines
    assert code == 0
    assert list(lines) == [
        "database",
        "schema",
        "transaction ids",
        "leases",
        "stranded",
        "pooler",
        "connections",
        "notifications",
        "replication slots",
        "dead rows",
        "bloat",
        "clocks",
    ]


async def test_a_store_of_blobs_is_tried(database_url: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "store")
    code, lines = await doctor(DATABASE_URL=database_url, BLOB_URL=folder.url)
    away, found = await doctor(
        DATABASE_URL=database_url,
        BLOB_URL="s3://bucket",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}",
        AWS_ACCESS_KEY_ID="nobody",
        AWS_SECRET_ACCESS_KEY="nothing",
    )

    assert (code, lines["blobs"]) == (0, ("ok", f"{folder.url} takes, gives back and removes 6 bytes"))
    assert folder.objects() == []
    assert (away, found["blobs"][0]) == (1, "WRONG")
    assert "see BLOB_URL" in found["blobs"][1]
    assert next(iter(found)) == "blobs"


async def test_faults_come_first_and_as_json_for_programs(database_url: str) -> None:
    await fetch(database_url, "alter table dramatiq.queue set (autovacuum_enabled = off)")
    await fetch(
        database_url,
        "insert into dramatiq.queue (message_id, lane, actor, message) values ($1, 'default', 'nobodys', '{}')",
        uuid4(),
    )

    output, code = await run(["--json"], DATABASE_URL=database_url)

    told = json.loads(output)
    assert (code, told["ok"]) == (1, False)
    first, second, *others = told["checks"]
    assert (first["check"], second["check"]) == ("stranded", "bloat")
    assert first == {
        "check": "stranded",
        "ok": False,
        "finding": "1 due jobs, and no worker lives",
        "remedy": "start one",
    }
    assert "autovacuum_enabled" in second["remedy"]
    assert all(other["ok"] and other["remedy"] is None for other in others)


@pytest.fixture
async def deployment(database_url: str) -> AsyncIterator[Deployment]:
    one, two = [await asyncpg.connect(database_url) for _ in range(2)]
    yield Deployment(one, two, listen=True)
    for connection in (one, two):
        await connection.close()


async def test_a_slot_that_nobody_reads_is_named(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_KEPT_BYTES", -1)
    await deployment.one.execute("select pg_create_physical_replication_slot('forgotten', true)")
    try:
        with pytest.raises(
            CheckFailed, match=r"forgotten keeps [\d,]+ MiB of log: .*pg_drop_replication_slot\('forgotten'\)"
        ):
            await checks.slots(deployment)
    finally:
        await deployment.one.execute("select pg_drop_replication_slot('forgotten')")


@pytest.mark.parametrize(
    ("check", "bounds", "words"),
    [
        (
            "frozen",
            {"OLDEST_XIDS": 0},
            r"oldest transaction id is [\d,]+ transactions old.*vacuum \(freeze\)",
        ),
        (
            "bloat",
            {"LEAST_BLOAT_BYTES": 0, "MOST_BYTES_A_ROW": 1},
            "dramatiq.queue takes .* reindex table concurrently",
        ),
    ],
)
async def test_what_grows_without_an_end_is_named(
    check: str, bounds: dict[str, int], words: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await getattr(checks, check)(deployment)
    for name, bound in bounds.items():
        monkeypatch.setattr(checks, name, bound)
    with pytest.raises(CheckFailed, match=words):
        await getattr(checks, check)(deployment)


async def test_a_vacuum_that_is_far_behind_is_named(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "MOST_DEAD", 100)
    await deployment.one.execute("alter table dramatiq.queue set (autovacuum_enabled = off)")
    await deployment.one.execute(
        "insert into dramatiq.queue (message_id, lane, actor, message)"
        " select gen_random_uuid(), 'default', 'nobodys', '{}' from generate_series(1, 1000)"
    )
    await deployment.one.execute(
        "update dramatiq.queue set request_id = 'changed' where message_id < '40000000-0000-0000-0000-000000000000'"
    )
    await deployment.one.execute("select pg_stat_force_next_flush()")
    await until(deployment.two, DEAD)

    with pytest.raises(CheckFailed, match=r"2\d\d dead rows beside .* vacuum dramatiq.queue"):
        await checks.dead_rows(deployment)
    await deployment.one.execute("vacuum dramatiq.queue")
    assert await checks.dead_rows(deployment)


async def test_connections_that_do_not_suffice_are_named_at_the_start_and_by_the_doctor(
    database_url: str, processes: Processes
) -> None:
    name = urlsplit(database_url).path[1:]
    worker = await processes.worker()
    looker = await asyncpg.connect(database_url)
    used = await until(looker, OPEN, budget.LINKS["worker"])
    await looker.close()
    assert used <= budget.most("worker", listen=True)
    await fetch(database_url, f'alter database "{name}" connection limit 11')

    web = await processes.web(WEB_CONCURRENCY="1")

    await web.line("connections may run out")
    line = json.loads(next(line for line in web.lines if "connections may run out" in line))
    assert (line["needs"], line["limit"], line["of"]) == (budget.most("web", listen=True), 11, "database")
    assert "LISTEN=0" in line["remedy"]
    assert not any("connections may run out" in line for line in worker.lines)
    _, lines = await doctor(DATABASE_URL=database_url)
    assert lines["connections"][0] == "WRONG", lines["connections"]
    assert (
        "what runs (web 1, worker 1, scheduler 0) may need 20: lower WEB_CONCURRENCY"
        in lines["connections"][1]
    )


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
