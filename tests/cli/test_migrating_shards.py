"""Commands and processes that work on one of several databases, or on each in turn."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT, trees
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.shards import several

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Databases
    from tests.support.processes import Processes

GONE = "postgresql://nobody@127.0.0.1:9/none"
REVISION = "select version_num from sooner.alembic_version"


async def run(command: list[str], root: Path = ROOT, **settings: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=root,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode().strip(), errors.decode().strip()


async def test_every_database_is_migrated_in_turn(databases: Databases) -> None:
    names = {shard: databases.empty() for shard in ("a", "b")}
    urls = {shard: databases.url(name) for shard, name in names.items()}
    newest = trees.newest_revision().name.partition("_")[0]
    upgrade = ["alembic", "upgrade", "head"]

    code, _, errors = await run(
        upgrade, DATABASE_URLS=several({"a": urls["a"], "gone": GONE, "b": urls["b"]}), DATABASE_URL=GONE
    )

    named = [line.partition(":")[0] for line in errors.splitlines() if line.startswith(("shard ", "not "))]
    assert named == ["shard a", "shard gone", "shard gone failed", "shard b", "not migrated"]
    assert errors.splitlines()[-1] == "not migrated: gone. Mend what is said above and run this again"
    assert code == 1
    assert "Traceback" not in errors
    for url in urls.values():
        assert [row["version_num"] for row in await fetch(url, REVISION)] == [newest]

    code, output, errors = await run(["alembic", "current"], DATABASE_URLS=several(urls))
    assert (code, output.split()) == (0, [newest, "(head)"] * 2)
    assert [line for line in errors.splitlines() if line.startswith("shard")] == ["shard a:", "shard b:"]
    code, output, _ = await run(["alembic", "history"], DATABASE_URLS=several(urls))
    assert code == 0
    assert f"{newest} (head)" in output
    for name in names.values():
        databases.drop(name)


async def test_shard_picks_the_database_that_is_migrated(
    databases: Databases, shard_urls: dict[str, str]
) -> None:
    name = databases.empty()
    urls = several({**shard_urls, "b": databases.url(name)})

    code, _, errors = await run(["alembic", "upgrade", "head"], DATABASE_URLS=urls, SHARD="b")

    assert (code, "shard" in errors.replace("34_shards", "")) == (0, False), errors
    assert len(await fetch(databases.url(name), REVISION)) == 1
    databases.drop(name)


async def test_the_doctor_says_which_shard_it_looks_at(shard_urls: dict[str, str]) -> None:
    doctor = [sys.executable, "-m", "src.doctor"]
    urls = several(shard_urls)
    await fetch(shard_urls["a"], "insert into sooner.shard (name) values ('a')")

    code, output, _ = await run(doctor, DATABASE_URLS=urls, SHARD="a")
    assert (code, "ok    shard: this is shard a" in output.splitlines()) == (0, True), output
    code, output, _ = await run(doctor, DATABASE_URLS=urls, SHARD="b")
    assert "ok    shard: nobody has added this database yet: python -m sooner shards add b" in output
    assert code == 0
    code, output, _ = await run(doctor, DATABASE_URL=shard_urls["a"], SHARD="b")
    assert code == 1
    assert output.splitlines()[0] == (
        "WRONG shard: SHARD is b, and this database is shard a: correct SHARD, or the address in DATABASE_URLS"
    )
    code, output, _ = await run(doctor, DATABASE_URL=shard_urls["a"])
    assert (code, "shard:" in output) == (0, False)


@pytest.mark.parametrize("name", ["worker", "scheduler"])
async def test_a_process_on_the_wrong_shard_ends(name: str, processes: Processes, database_url: str) -> None:
    await fetch(database_url, "insert into sooner.shard (name) values ('a')")

    wrong = await getattr(processes, name)(ready=False, SHARD="b")

    assert await wrong.exit() == 78
    assert (
        "SHARD is b, but the database at its address is shard a: correct SHARD, or the address in DATABASE_URLS"
        in wrong.output
    )
    assert "Traceback" not in wrong.output


async def test_a_process_on_its_own_shard_works(processes: Processes, database_url: str) -> None:
    await processes.worker(SHARD="a")
    await fetch(database_url, "insert into sooner.shard (name) values ('a')")

    await processes.worker(SHARD="a")
    await processes.scheduler(SHARD="a")
