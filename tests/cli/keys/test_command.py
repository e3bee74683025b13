"""`python -m src.keys`, as an operator uses it."""

import asyncio
import sys
from uuid import UUID

import pytest
import tenacity

from tests.conftest import Connect
from tests.support import ROOT
from tests.support.environment import environment
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
        (("revoke", "1"), "UUID"),
        (("revoke", "00000000-0000-0000-0000-000000000000"), "no such key"),
    ],
)
async def test_what_cannot_be_done_is_said(database_url: str, arguments: tuple[str, ...], says: str) -> None:
    code, errors = await refused(database_url, *arguments)
    assert code in (1, 2)
    assert says in errors


async def test_a_database_that_is_away_is_said() -> None:
    code, errors = await refused("postgresql://nobody@127.0.0.1:9/none", "list")
    assert code == 1
    assert "the database is away" in errors
    assert "Traceback" not in errors
