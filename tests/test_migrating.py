"""Migrations beside a deployment at work: locks, concurrent indexes, statements of the code before."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine

from alembic import command
from tests.support import ROOT, trees
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.rows import until

HOLD = "lock table dramatiq.queue in access share mode"
#: Locks that grow while writers wait for them deadlock with a writer that has read the table before.
LOCKS = """
select mode from pg_locks where pid = pg_backend_pid() and relation = to_regclass('dramatiq.queue')
  and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""
STRONGEST = "AccessExclusiveLock"
INDEX = '''"""An index of tomorrow's, made beside writers."""

from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists dramatiq.of_tomorrow")
        op.execute("create index concurrently of_tomorrow on dramatiq.queue (actor)")


def downgrade() -> None:
    op.execute("drop index dramatiq.of_tomorrow")
'''

#: The rules of https://squawkhq.com that hold for no revision, and why.
NOT_OURS = {
    "require-statement-timeout": "an index of a large table takes its time, and holds no lock that matters meanwhile",
    "prefer-robust-stmts": "each revision is a transaction, so that none is half done",
    "ban-concurrent-index-creation-in-transaction": "PostgreSQL itself refuses it there, and each revision has run by then",
    "prefer-identity": "no table of ours has a serial number",
}
#: Revisions of before the first release, whose tables nobody had filled yet: they make indexes in their transaction, and
#: count in 32 bits; the first takes over a stock table, which it rewrites once. No later revision may.
EARLY = "0020"
EARLY_RULES = (
    "adding-field-with-default",
    "adding-not-nullable-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-text-field",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
)


async def upgrade(root: Path, url: str) -> asyncio.subprocess.Process:
    """`alembic upgrade head`, as a release runs it."""
    return await asyncio.create_subprocess_exec(
        "alembic",
        "upgrade",
        "head",
        cwd=root,
        env=environment({"DATABASE_URL": url}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said(process: asyncio.subprocess.Process) -> str:
    """What the process prints until its end."""
    output, _ = await process.communicate()
    return output.decode()


async def test_a_migration_gives_way_to_a_transaction_and_tries_again(
    database_url: str, tmp_path: Path
) -> None:
    holder = await asyncpg.connect(database_url, server_settings={"application_name": "a report"})
    async with holder.transaction():
        await holder.execute(HOLD)
        release = await upgrade(trees.with_one_more_revision(tmp_path), database_url)
        assert release.stdout is not None
        async for line in release.stdout:
            if b"gives way" in line:
                break
        # Between two tries nothing waits behind it.
        await fetch(database_url, "select count(*) from dramatiq.queue")
    output = await said(release)

    assert release.returncode == 0, output
    assert re.search(
        rf"held by pid {holder.get_server_pid()} \(a report\), whose transaction is \d+ s old", line.decode()
    )
    assert await fetch(database_url, "select of_tomorrow from dramatiq.queue") == []
    await holder.close()


async def test_a_migration_that_finds_no_moment_says_who_is_in_its_way(
    database_url: str, tmp_path: Path
) -> None:
    holder = await asyncpg.connect(database_url, server_settings={"application_name": "a report"})
    async with holder.transaction():
        await holder.execute(HOLD)
        root = trees.with_one_more_revision(tmp_path)
        release = await upgrade(root, f"{database_url}?options=-c%20lock_timeout%3D50ms")
        output = await said(release)

    assert release.returncode == os.EX_TEMPFAIL, output
    [last] = output.splitlines()[-1:]
    assert f"held by pid {holder.get_server_pid()} (a report)" in last
    assert "pg_terminate_backend(PID)" in last
    assert "Traceback" not in output
    [row] = await fetch(database_url, "select version_num from sooner.alembic_version")
    assert row["version_num"] == trees.newest_revision().name.partition("_")[0]
    await holder.close()


async def test_a_revision_may_make_an_index_beside_writers(database_url: str, tmp_path: Path) -> None:
    writer, looker = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    root = trees.present(tmp_path)
    newest = trees.newest_revision().name.partition("_")[0]
    (root / trees.REVISIONS / "9999_tomorrow.py").write_text(INDEX.format(newest=newest))
    async with writer.transaction():
        # The index waits for the transactions that write, and they do not wait for it.
        await writer.execute("lock table dramatiq.queue in row exclusive mode")
        release = await upgrade(root, database_url)
        await until(looker, "select exists (select from pg_stat_progress_create_index)")
        await writer.execute(
            "insert into dramatiq.queue (message_id, lane, actor, message, turn) values (gen_random_uuid(), 'a', 'a', '{}', 1)"
        )
    output = await said(release)

    assert release.returncode == 0, output
    [row] = await fetch(
        database_url, "select indisvalid from pg_index where indexrelid = 'dramatiq.of_tomorrow'::regclass"
    )
    assert row["indisvalid"]
    for session in (writer, looker):
        await session.close()


@pytest.mark.slow
def test_statements_of_the_code_before_cost_no_more_on_the_newest_schema(tmp_path: Path) -> None:
    before = trees.before_newest_revision(tmp_path)
    newest = trees.newest_revision()
    (before / newest).write_bytes((ROOT / newest).read_bytes())
    tests = ("tests/queue/test_plans.py", "tests/web/test_lists.py", "-k", "cost")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=before,
        env=environment({"PYTHONPATH": os.pathsep.join((str(before), str(before / "src")))}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)


class Statement(NamedTuple):
    """A statement of a revision, and the locks on the queue that keep writers waiting once it has run."""

    text: str
    locks: frozenset[str]


@pytest.fixture
def statements(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Statement]]:
    """The statements of each revision, as the migrations run them."""
    found: dict[str, list[Statement]] = {}
    gathered: list[Statement] = []

    def note(connection: Any, cursor: Any, *rest: Any) -> None:
        statement = cursor.query.decode()
        if stamped := re.search(r"version_num='(\d+)'|VALUES \('(\d+)'\)", statement):
            found[stamped[1] or stamped[2]] = gathered.copy()
            gathered.clear()
        else:
            with cursor.connection.cursor() as looker:
                looker.execute(LOCKS)
                gathered.append(Statement(statement, frozenset(mode for (mode,) in looker)))

    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    event.listen(Engine, "after_cursor_execute", note)
    config = Config()
    config.set_main_option("script_location", str(ROOT / "alembic"))
    try:
        command.upgrade(config, "head")
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    return found


def test_no_revision_waits_for_a_writer_that_waits_for_it(statements: dict[str, list[Statement]]) -> None:
    grown = {
        revision: each.text
        for revision, run in statements.items()
        for before, each in pairwise(run)
        if before.locks and STRONGEST not in before.locks and each.locks > before.locks
    }

    assert grown == {}
    assert any(each.locks for run in statements.values() for each in run)


def test_no_revision_locks_what_a_deployment_works_with(
    statements: dict[str, list[Statement]], tmp_path: Path
) -> None:
    for revision, run in statements.items():
        (tmp_path / f"{revision}.sql").write_text(
            "".join(f"{each.text.strip().rstrip(';')};\n" for each in run)
        )
    early = [f"{revision}.sql" for revision in statements if revision <= EARLY]
    late = [f"{revision}.sql" for revision in statements if revision > EARLY]

    (tmp_path / "wrong.sql").write_text("create index wrong on dramatiq.queue (actor);")

    assert len(early) == int(EARLY)
    assert squawk(tmp_path, early, *NOT_OURS, *EARLY_RULES) == ""
    assert not late or squawk(tmp_path, late, *NOT_OURS) == ""
    found = squawk(tmp_path, ["wrong.sql"], *NOT_OURS)
    assert "require-concurrent-index-creation" in found
    assert "require-lock-timeout" in found


def squawk(folder: Path, files: list[str], *excluded: str) -> str:
    """The findings of squawk, a line each."""
    program = Path(sys.executable).with_name("squawk")
    options = (
        "--pg-version=18",
        "--assume-in-transaction",
        "--reporter=gcc",
        f"--exclude={','.join(excluded)}",
    )
    done = subprocess.run(
        [program, *options, *files], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
