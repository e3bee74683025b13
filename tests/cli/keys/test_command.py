"""`python -m src.keys`, as an operator uses it."""

import asyncio
import sys
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import tenacity

from tests.conftest import Connect
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.keys import run_keys
from tests.support.processes import Processes


async def refused(database_url: str, *arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a call that is refused."""
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "src.keys", *arguments, cwd=ROOT, env=environment({"DATABASE_URL": database_url}),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await command.communicate()
    return command.returncode or 0, errors.decode()


async def test_a_created_key_works_until_it_is_revoked(
    database_url: str, processes: Processes, connect: Connect
) -> None:
    output = await run_keys(database_url, "create", "--tenant", "acme", "--name", "ci", "--scope", "admin")
    key = output.splitlines()[-1]
    web = await processes.web()
    assert (await connect(web, key).get("/queues")).status_code == 200
    [line] = (await run_keys(database_url, "list")).splitlines()
    id = line.split()[0]
    assert UUID(id).version == 7
    assert key not in line
    assert "tenant=acme" in line
    await run_keys(database_url, "revoke", id)
    refused_at_last = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda status: status != 401),
        wait=tenacity.wait_fixed(0.1),
        stop=tenacity.stop_after_delay(5),
    )
    client = connect(web, key)

    async def status() -> int:
        return (await client.get("/queues")).status_code

    assert await refused_at_last(status) == 401


async def test_a_key_without_a_scope_is_for_jobs(database_url: str) -> None:
    await run_keys(database_url, "create", "--tenant", "acme", "--expires", "90d")
    line = await run_keys(database_url, "list")
    assert "scopes=jobs" in line
    assert "expires=never" not in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("create",), "--tenant"),
        (("create", "--tenant", "a b"), "letters, digits"),
        (("create", "--tenant", "a", "--expires", "soon"), "30s, 15m, 12h, 90d"),
        (("create", "--tenant", "a", "--expires", "99999999d"), "more than 36500d"),
        (("create", "--tenant", "a", "--scope", "root"), "admin"),
        (("create", "--tenant", "a", "--name", "two\nlines"), "--name: one line"),
        (("create", "--tenant", "a", "--name", "\udcff"), "--name: one line"),
        (("revoke", "1"), "UUID"),
        (("revoke", "00000000-0000-0000-0000-000000000000"), "no such key"),
    ],
)
async def test_what_cannot_be_done_is_said(database_url: str, arguments: tuple[str, ...], says: str) -> None:
    code, errors = await refused(database_url, *arguments)
    assert code in (1, 2)
    assert says in errors
    assert "Traceback" not in errors


async def test_a_key_is_a_line_of_the_list_with_each_scope_once(database_url: str) -> None:
    scopes = ["--scope", "admin", "--scope", "jobs", "--scope", "admin"]
    await run_keys(database_url, "create", "--tenant", "acme", "--name", "a ü b", *scopes)
    # A key that was made before names were checked.
    await fetch(database_url, "update sooner.api_key set name = name || E'\n\x1b[31m'")
    [line] = (await run_keys(database_url, "list")).splitlines()
    assert "scopes=admin+jobs  " in line
    assert line.endswith("a ü b [31m")


@pytest.mark.parametrize(
    ("change", "wrong", "says"),
    [
        ({"path": "/none_here"}, "", 'database "none_here" does not exist: see the database\'s name'),
        ({}, "wrong", "see user and password in DATABASE_URL"),
    ],
)
async def test_an_address_that_the_server_refuses_is_said(
    database_url: str, change: dict[str, str], wrong: str, says: str
) -> None:
    parts = urlsplit(database_url)
    url = parts._replace(**change, netloc=parts.netloc.replace(":", f":{wrong}", 1)).geturl()
    code, errors = await refused(url, "list")
    assert (code, len(errors.splitlines())) == (1, 1), errors
    assert says in errors


async def test_a_database_without_the_schema_is_said(database_url: str) -> None:
    await fetch(database_url, "alter schema sooner rename to elsewhere")
    code, errors = await refused(database_url, "create", "--tenant", "acme")
    assert (code, len(errors.splitlines())) == (1, 1), errors
    assert "alembic upgrade head" in errors


async def test_a_database_that_is_away_is_said() -> None:
    code, errors = await refused("postgresql://nobody@127.0.0.1:9/none", "list")
    assert code == 1
    assert "the database is away" in errors
    assert "trying again" in errors
    assert "Traceback" not in errors
