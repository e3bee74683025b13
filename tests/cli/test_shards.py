"""`python -m sooner shards`, as an operator uses it, on three real databases."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sooner.cli.shards import overview
from sooner.jobs.tenants.keys import digest
from sooner.jobs.tenants.locator import locator
from sooner.local.ports import free_port
from tests.support import ROOT, roles
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.keys import create_key
from tests.support.shards import several

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Shards = Callable[..., Awaitable[tuple[int, str, str]]]

TENANTS = "select tenant, locator, shard from sooner_directory.tenant order by tenant"
WHOLE = """
select (select coalesce(array_agg(name order by name), '{}') from sooner_directory.shard) as shards,
  (select count(*) from sooner_directory.tenant) as tenants, (select count(*) from sooner_directory.key) as keys
"""
NAME = "select name from sooner.shard"
JOB = "insert into dramatiq.queue (message_id, lane, actor, message, tenant) values (gen_random_uuid(), 'default', 'echo', '{}', $1)"
MOVE = """
insert into sooner_directory.move (id, locator, source, target, step, began_at, stepped_at)
values (gen_random_uuid(), $1, $2, $3, 'copying', now() - $4 * interval '2 seconds', now() - $4 * interval '1 second')
"""


async def run_shards(urls: str | None, *words: str, **settings: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `python -m sooner shards …`."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sooner",
        "shards",
        *words,
        cwd=ROOT,
        env=environment({"DATABASE_URLS": urls, **settings}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    return command.returncode or 0, output.decode().strip(), errors.decode().strip()


@pytest.fixture
def shards(shard_urls: dict[str, str]) -> Shards:
    """Runs `python -m sooner shards …` on all three databases."""

    async def run(*words: str, **settings: str) -> tuple[int, str, str]:
        return await run_shards(several(shard_urls), *words, **settings)

    return run


async def written(urls: dict[str, str]) -> dict[str, Any]:
    """What the home's directory and each database's own name are."""
    [row] = await fetch(urls["a"], WHOLE)
    names = {shard: [each["name"] for each in await fetch(url, NAME)] for shard, url in urls.items()}
    return {**row, "names": names}


async def test_shards_are_added_and_listed(shards: Shards, shard_urls: dict[str, str]) -> None:
    assert await shards("add", "a") == (
        0,
        "shard a: added, weight 1; its database has no tenants yet",
        "",
    )
    code, output, _ = await shards("add", "b", "--weight", "2.5")
    assert (code, output.partition(";")[0]) == (0, "shard b: added, weight 2.5")

    code, output, errors = await shards("list")

    assert (code, errors) == (0, "")
    assert output.splitlines() == [
        "a  home  weight=1  tenants=0  ok",
        "b  weight=2.5  tenants=0  ok",
        "c  not added: python -m sooner shards add c",
    ]
    assert await written(shard_urls) == {
        "shards": ["a", "b"],
        "tenants": 0,
        "keys": 0,
        "names": {"a": ["a"], "b": ["b"], "c": []},
    }


async def test_tenants_with_data_are_registered_where_they_are(
    shards: Shards, shard_urls: dict[str, str]
) -> None:
    key = await create_key(shard_urls["a"], "with-a-key")
    await create_key(shard_urls["a"], "with-an-old-key", expires="1s")
    await fetch(
        shard_urls["a"], "update sooner.api_key set expires_at = now() where tenant = 'with-an-old-key'"
    )
    await fetch(shard_urls["a"], JOB, "with-a-job")
    await fetch(
        shard_urls["a"],
        "insert into sooner.upload (id, tenant, expires_at) values (gen_random_uuid(), 'with-an-upload', now())",
    )
    await fetch(
        shard_urls["a"],
        "insert into sooner.webhook (id, tenant, url, events, secret) values (gen_random_uuid(), 'with-a-webhook', 'https://x', '{job.done}', '\\x00')",
    )
    code, output, errors = await shards("add", "a")

    assert (code, errors) == (0, "")
    assert "tenants in its database: 5, new in the directory: 5" in output
    rows = await fetch(shard_urls["a"], TENANTS)
    named = ["with-a-job", "with-a-key", "with-a-webhook", "with-an-old-key", "with-an-upload"]
    assert [tuple(row) for row in rows] == [(name, locator(name), "a") for name in named]
    [registered] = await fetch(shard_urls["a"], "select digest, locator from sooner_directory.key")
    assert tuple(registered) == (digest(key), locator("with-a-key"))


async def test_a_second_call_changes_the_weight_and_adds_who_came_meanwhile(
    shards: Shards, shard_urls: dict[str, str]
) -> None:
    await create_key(shard_urls["a"], "acme")
    await shards("add", "a", "--weight", "3")
    await create_key(shard_urls["a"], "globex")

    assert (await shards("add", "a"))[1] == (
        "shard a: there already, weight 3; tenants in its database: 2, new in the directory: 1"
    )
    assert (await shards("add", "a", "--weight", "0"))[1].startswith("shard a: there already, weight 0;")


async def test_a_call_that_a_crash_cut_short_is_finished_by_the_next(
    shards: Shards, shard_urls: dict[str, str]
) -> None:
    await shards("add", "a")
    await create_key(shard_urls["b"], "acme")
    await fetch(shard_urls["b"], "insert into sooner.shard (name) values ('b')")

    assert (await shards("add", "b"))[0] == 0
    assert [tuple(row)[::2] for row in await fetch(shard_urls["a"], TENANTS)] == [("acme", "b")]


async def test_a_tenant_that_is_elsewhere_is_named_and_nothing_written(
    shards: Shards, shard_urls: dict[str, str]
) -> None:
    for shard in ("a", "b"):
        await create_key(shard_urls[shard], "acme")
    await create_key(shard_urls["b"], "globex")
    await shards("add", "a")
    before = await written(shard_urls)

    code, output, errors = await shards("add", "b")

    assert (code, output) == (2, "")
    assert errors == (
        "nothing was added: the database of b has data of tenants that are on another shard: acme (on a). A tenant can be on one "
        "shard alone: remove its keys, jobs, uploads and webhooks from this database, and run this again"
    )
    assert await written(shard_urls) == before


async def test_a_tenant_on_its_way_is_no_hindrance(shards: Shards, shard_urls: dict[str, str]) -> None:
    await create_key(shard_urls["a"], "acme")
    await shards("add", "a")
    await shards("add", "b")
    await fetch(shard_urls["a"], MOVE, locator("acme"), "a", "b", 1)
    await create_key(shard_urls["b"], "acme")
    copying, _, _ = await shards("add", "b", "--weight", "2")
    await fetch(shard_urls["a"], "update sooner_directory.move set ended_at = now()")
    await fetch(shard_urls["a"], "update sooner_directory.tenant set shard = 'b', previous = 'a'")
    clearing, _, _ = await shards("add", "a", "--weight", "2")

    assert (copying, clearing) == (0, 0)
    assert [tuple(row)[::2] for row in await fetch(shard_urls["a"], TENANTS)] == [("acme", "b")]


@pytest.mark.parametrize(
    ("words", "settings", "says"),
    [
        (("add", "b"), {}, "the home shard comes first: python -m sooner shards add a"),
        (("add", "d"), {}, "DATABASE_URLS names a, b, c: put d=postgresql://… there"),
        (("drain", "b"), {}, "the directory has no shard b: python -m sooner shards list"),
        (("add", "a", "--weight", "-1"), {}, "'-1' is no weight: a number of 0 or more"),
        (("add", "a", "--weight", "nan"), {}, "'nan' is no weight: a number of 0 or more"),
        (("add", "a"), {"HOME_SHARD": "d"}, "HOME_SHARD: DATABASE_URLS names a, b, c"),
    ],
)
async def test_what_cannot_be_done_is_said(
    shards: Shards,
    shard_urls: dict[str, str],
    words: tuple[str, ...],
    settings: dict[str, str],
    says: str,
) -> None:
    before = await written(shard_urls)
    code, output, errors = await shards(*words, **settings)

    assert code in (2, 78)
    assert output == ""
    assert says in errors
    assert "Traceback" not in errors
    assert await written(shard_urls) == before


async def test_the_addresses_are_needed(shard_urls: dict[str, str]) -> None:
    code, _, errors = await run_shards(None, "list", DATABASE_URL=shard_urls["a"])

    assert code == 78
    assert errors == "DATABASE_URLS: missing"


async def test_databases_that_are_no_shards_are_refused(
    shards: Shards, shard_urls: dict[str, str], empty_database_url: str
) -> None:
    await shards("add", "a")
    gone = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    others = {
        "same": shard_urls["a"],
        "empty": empty_database_url,
        "gone": gone,
        "missing": f"{shard_urls['b']}-missing",
        "web": roles.address(shard_urls["c"], "web"),
    }
    urls = f"a={shard_urls['a']} {several(others)}"

    said = {name: await run_shards(urls, "add", name) for name in others}

    assert {code for code, _, _ in said.values()} == {2}
    errors = {name: error for name, (_, _, error) in said.items()}
    assert errors["same"] == (
        "the database that DATABASE_URLS names same says that it is shard a: correct DATABASE_URLS"
    )
    assert errors["empty"].startswith("shard empty: its schema is at no revision, this code needs ")
    assert errors["empty"].endswith(": alembic upgrade head")
    assert errors["gone"].startswith("shard gone is away (")
    assert errors["gone"].endswith("): see its address in DATABASE_URLS, and whether its database runs")
    assert errors["missing"].startswith("shard missing is away (database ")
    assert "this command needs the addresses of the schemas' owner" in errors["web"]


async def test_a_home_that_is_not_where_the_directory_is_is_refused(shards: Shards) -> None:
    await shards("add", "a")

    code, _, errors = await shards("add", "b", HOME_SHARD="b")

    assert code == 2
    assert errors == ("HOME_SHARD is b, but the directory is in the database of shard a: set HOME_SHARD=a")


async def test_a_shard_that_drains_says_who_is_still_there(
    shards: Shards, shard_urls: dict[str, str]
) -> None:
    await create_key(shard_urls["a"], "acme")
    await shards("add", "a")
    await shards("add", "b")

    code, output, _ = await shards("drain", "a")
    assert (code, output) == (
        0,
        (
            "shard a gets no new tenants. Still there: 1. python -m src.keys list shows whose keys are there; "
            "python -m sooner shards move TENANT TO takes a tenant to another shard"
        ),
    )
    assert (await shards("list"))[1].splitlines()[0] == "a  home  weight=1  draining  tenants=1  ok"
    assert (await shards("drain", "b"))[1] == "shard b gets no new tenants, and has none"
    assert (await shards("drain", "a", "--undo"))[1] == "shard a gets new tenants again"
    await shards("add", "b", "--weight", "0")
    assert (await shards("drain", "b", "--undo"))[1] == (
        "shard b still gets no new tenants, its weight is 0: python -m sooner shards add b --weight 1"
    )


async def test_status_shows_jobs_and_moves(shards: Shards, shard_urls: dict[str, str]) -> None:
    for shard in ("a", "b", "c"):
        await shards("add", shard)
    await fetch(shard_urls["b"], JOB, "acme")
    await shards("add", "b")
    await fetch(shard_urls["a"], MOVE, locator("acme"), "b", "c", 5)

    code, output, _ = await shards("status")
    assert code == 0
    assert output.splitlines()[:3] == [
        "a  home  weight=1  tenants=0  waiting=0  processing=0  ok",
        "b  weight=1  tenants=1  waiting=1  processing=0  ok",
        "c  weight=1  tenants=0  waiting=0  processing=0  ok",
    ]
    assert re.fullmatch(r"acme  b to c  copying  for \d\d s", output.splitlines()[3])

    await fetch(
        shard_urls["a"], "update sooner_directory.move set stepped_at = now() - interval '61 seconds'"
    )
    code, output, _ = await shards("status")
    assert code == 1
    assert re.search(
        r"copying  for \d\d s  WRONG: got no further for 6\d s: "
        r"go on with it \(python -m sooner shards move acme c\), or take it back \(… move acme b\)$",
        output,
    )

    code, output, _ = await shards("status", "--json")
    told = json.loads(output)
    assert (code, told["ok"]) == (1, False)
    assert told["shards"][1] == {
        "name": "b",
        "home": False,
        "weight": 1.0,
        "draining": False,
        "tenants": 1,
        "waiting": 1,
        "processing": 0,
        "ok": True,
        "said": "ok",
    }
    [move] = told["moves"]
    assert (move["tenant"], move["step"], move["stands_still"]) == ("acme", "copying", True)
    assert move["idle_seconds"] > overview.STILL_SECONDS


async def test_what_is_away_is_named_beside_the_rest(shards: Shards, shard_urls: dict[str, str]) -> None:
    for shard in ("a", "b", "c"):
        await shards("add", shard)
    gone = f"postgresql://nobody@127.0.0.1:{free_port()}/none"

    code, output, _ = await run_shards(several({**shard_urls, "b": gone}), "status")
    lines = output.splitlines()
    assert (code, len(lines)) == (1, 3)
    assert lines[1].startswith("b  weight=1  tenants=0  WRONG: shard b is away (")
    assert lines[2].endswith("  ok")

    code, output, _ = await run_shards(several({**shard_urls, "a": gone}), "status")
    lines = output.splitlines()
    assert code == 1
    assert lines[0].startswith("a  home  WRONG: shard a is away (")
    assert lines[1] == "b  waiting=0  processing=0  ok"

    code, output, _ = await run_shards(f"a={shard_urls['a']} b={shard_urls['b']}", "list", "--json")
    assert code == 0
    assert json.loads(output)["items"][-1] == {
        "name": "c",
        "home": False,
        "weight": 1.0,
        "draining": False,
        "tenants": 0,
        "waiting": None,
        "processing": None,
        "ok": False,
        "said": "DATABASE_URLS does not name it: put name=postgresql://… there",
    }


async def test_a_shard_that_was_given_up_is_no_fault(shards: Shards, shard_urls: dict[str, str]) -> None:
    for shard in ("a", "b"):
        await shards("add", shard)
    left = f"a={shard_urls['a']}"
    before, output, _ = await run_shards(left, "status")
    assert before == 1
    assert output.splitlines()[-1].startswith("b  weight=1  tenants=0  WRONG: DATABASE_URLS does not name it")
    await shards("drain", "b")

    code, output, _ = await run_shards(left, "status")

    assert (code, output.splitlines()[-1]) == (
        0,
        "b  weight=1  draining  tenants=0  given up: DATABASE_URLS does not name it, and it has no tenants",
    )
