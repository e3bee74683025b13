"""Addresses of databases as managed services hand them out: every part keeps to them, or names what it cannot keep to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.db.link import options
from sooner.process.settings.address import checked
from tests.support.environment import environment
from tests.support.jobs import fetch, post

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

HANDED_OUT = (
    "channel_binding=prefer&connect_timeout=5&application_name=mine&gssencmode=disable"
    "&target_session_attrs=read-write&keepalives_idle=30&options=-c%20lock_timeout%3D54321&sslmode=prefer"
)
REFUSED = {
    "channel_binding=require": "channel_binding: only disable or prefer",
    "gssencmode=require": "gssencmode: only disable or prefer",
    "connect_timeout=soon": "connect_timeout: a whole number of seconds",
    "search_path=mine": "search_path is none that every part can keep to: leave it out",
    "hostaddr=127.0.0.1": "hostaddr is none that every part can keep to",
}


@pytest.mark.parametrize("parameter", REFUSED)
def test_what_no_part_could_keep_to_is_refused_by_name(parameter: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[parameter]):
        checked(f"postgresql://user:password@host/database?sslmode=prefer&{parameter}")


async def test_a_connection_is_made_as_the_address_says(database_url: str) -> None:
    url = f"{checked(database_url)}?{HANDED_OUT}"
    assert options(url, "test")["timeout"] == 5
    connection = await asyncpg.connect(**options(url, "test"))
    told = [await connection.fetchval(f"show {name}") for name in ("application_name", "lock_timeout")]
    await connection.close()
    assert told == ["mine", "54321ms"]


async def test_every_process_works_with_such_an_address(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    url = f"{database_url}?{HANDED_OUT}"
    for command in ("alembic upgrade head", "python -m src.keys list"):
        done = await asyncio.create_subprocess_exec(*command.split(), env=environment({"DATABASE_URL": url}))
        assert await done.wait() == 0, command
    web = await processes.web(DATABASE_URL=url)
    await processes.worker(DATABASE_URL=url)
    scheduler = await processes.scheduler(DATABASE_URL=url)
    await scheduler.line('"event": "leading"')
    doctor = await asyncio.create_subprocess_exec(
        "python", "-m", "src.doctor", env=environment({"DATABASE_URL": url}), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await doctor.communicate()
    job = await post(connect(web, await api_key()), "echo", "wait=20", a=1)

    assert (job["state"], job["result"]) == ("done", {"a": 1})
    assert doctor.returncode == 0, said.decode()
    names = await fetch(
        database_url,
        "select distinct application_name from pg_stat_activity where datname = current_database()",
    )
    assert "mine" in {row["application_name"] for row in names}


@pytest.mark.parametrize(
    "command",
    [
        "uvicorn src.api:app",
        "dramatiq src.actors",
        "python -m src.scheduler",
        "python -m src.keys list",
        "python -m src.doctor",
    ],
)
async def test_every_process_names_what_it_cannot_keep_to(
    command: str, processes: Processes, database_url: str
) -> None:
    kind = "web" if "api" in command else "worker"
    url = f"{database_url}?channel_binding=require"
    process = await processes.command(f"exec {command}", **{**processes.settings(kind), "DATABASE_URL": url})
    await process.line(
        "DATABASE_URL: its parameter channel_binding: only disable or prefer can be kept to here"
    )
    assert await process.exit() == 78
