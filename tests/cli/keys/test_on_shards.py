"""`python -m src.keys` where there are several databases."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from sooner.jobs.tenants.keys import digest
from sooner.local.ports import free_port
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.keys import create_key, run_keys
from tests.support.shards import several

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    RunKeys = Callable[..., Awaitable[tuple[int, str, str]]]

PLACES = "select tenant, shard from sooner_directory.tenant order by tenant"


async def run(urls: dict[str, str], *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `python -m src.keys …`; SHARD picks nothing here."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.keys",
        *words,
        cwd=ROOT,
        env=environment({"DATABASE_URLS": several(urls), "SHARD": "c"}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    assert b"Traceback" not in errors, errors.decode()
    return command.returncode or 0, output.decode().strip(), errors.decode().strip()


@pytest.fixture
async def urls(shard_urls: dict[str, str]) -> dict[str, str]:
    """Three shards, of which c takes no tenants."""
    await fetch(
        shard_urls["a"],
        "insert into sooner_directory.shard (name, weight) values ('a', 1), ('b', 1), ('c', 0)",
    )
    return shard_urls


async def test_a_new_tenants_key_lies_in_its_shard(urls: dict[str, str]) -> None:
    made = [await run(urls, "create", "--tenant", tenant) for tenant in ("acme", "globex", "acme")]

    assert [code for code, _, _ in made] == [0, 0, 0]
    assert [tuple(row) for row in await fetch(urls["a"], PLACES)] == [("acme", "a"), ("globex", "b")]
    stored = {
        shard: await fetch(url, "select tenant, digest from sooner.api_key") for shard, url in urls.items()
    }
    keys = [output.splitlines()[-1] for _, output, _ in made]
    assert {row["digest"] for row in stored["a"]} == {digest(keys[0]), digest(keys[2])}
    assert [row["digest"] for row in stored["b"]] == [digest(keys[1])]
    assert stored["c"] == []


async def test_all_keys_are_listed_and_one_is_revoked_wherever_it_is(urls: dict[str, str]) -> None:
    await create_key(urls["a"], "acme")
    await create_key(urls["b"], "globex")

    code, output, errors = await run(urls, "list")
    newest, oldest = output.splitlines()
    assert (code, errors) == (0, "")
    assert "tenant=globex  shard=b  scopes=jobs" in newest
    assert "tenant=acme  shard=a  scopes=jobs" in oldest

    assert await run(urls, "revoke", newest.split()[0]) == (0, "revoked", "")
    [row] = await fetch(urls["b"], "select revoked_at from sooner.api_key")
    assert row["revoked_at"] is not None
    assert await run(urls, "revoke", newest.split()[0]) == (1, "", "there is no such key that is still good")


async def test_a_shard_that_is_away_is_named(urls: dict[str, str]) -> None:
    await create_key(urls["a"], "acme")
    without_b = {**urls, "b": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}

    code, output, errors = await run(without_b, "list")
    assert code == 1
    assert "tenant=acme  shard=a" in output
    assert "shard b is away (" in errors

    code, output, errors = await run(without_b, "revoke", str(uuid4()))
    assert (code, output) == (1, "")
    assert errors.startswith("there is no such key that is still good on a, c\nshard b is away (")

    await fetch(urls["a"], "update sooner_directory.shard set is_draining = name = 'a'")
    code, output, errors = await run(without_b, "create", "--tenant", "globex")
    assert (code, output) == (1, "")
    assert errors.startswith("shard b is away (")


async def test_without_room_there_is_no_key(urls: dict[str, str]) -> None:
    await fetch(urls["a"], "update sooner_directory.shard set is_draining = true")

    code, output, errors = await run(urls, "create", "--tenant", "acme")

    assert (code, output) == (1, "")
    assert errors.startswith("no shard has room for tenant acme: add one (python -m sooner shards add NAME)")


async def test_a_tenant_whose_mover_died_gets_a_key(urls: dict[str, str]) -> None:
    await run(urls, "create", "--tenant", "acme")
    # What a mover leaves behind that dies before the switch: its freeze has ended by itself.
    await fetch(urls["a"], "update sooner_directory.tenant set is_frozen = true")

    assert (await run(urls, "create", "--tenant", "acme"))[0] == 0
    assert len(await fetch(urls["a"], "select from sooner.api_key")) == 2


async def test_a_database_that_a_tenant_leaves_takes_no_key(urls: dict[str, str]) -> None:
    _, key, _ = await run(urls, "create", "--tenant", "acme")
    [row] = await fetch(urls["a"], "select id from sooner.api_key")
    await fetch(urls["a"], "insert into sooner.frozen_tenant (tenant, reason) values ('acme', 'leaving')")
    said = "the tenant acme is being moved to another database: try again in a moment"

    made, taken = await asyncio.gather(
        run(urls, "create", "--tenant", "acme"), run(urls, "revoke", str(row["id"]))
    )
    assert made == taken == (1, "", said)
    assert [row["digest"] for row in await fetch(urls["a"], "select digest from sooner.api_key")] == [
        digest(key)
    ]

    waits = asyncio.create_task(run(urls, "revoke", str(row["id"])))
    await fetch(urls["a"], "delete from sooner.frozen_tenant")
    assert await waits == (0, "revoked", "")


async def test_a_single_database_has_no_directory(database_url: str) -> None:
    await run_keys(database_url, "create", "--tenant", "acme")

    assert await fetch(database_url, "select from sooner_directory.tenant") == []
