"""Operators see the jobs of all shards: lists, actions and bare ids."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.jobs.moving.mover import Mover
from sooner.jobs.tenants.locator import locator
from tests.support import roles
from tests.support.events import listening
from tests.support.jobs import fetch
from tests.support.keys import create_key
from tests.support.processes import PATIENCE
from tests.support.shards import NOTICED_SECONDS, several, shard_urls
from tests.web.test_dashboard import stream, told
from tests.web.test_lists import ids, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.conftest import Connect
    from tests.support.processes import Processes, Web

__all__ = ["shard_urls"]

#: Jobs of all kinds, two at a time; every shard has some at the same times.
FILL = """
insert into dramatiq.queue (message_id, actor, lane, tenant, message, created_at, state, worker, started_at, finished_at,
  result, error, parent)
select gen_random_uuid(), (array['echo', 'fail', 'sleep'])[1 + n % 3], 'default', (array['acme', 'globex', null])[1 + n / 3 % 3],
  '{"kwargs": {}}', now() - n / 2 * interval '1 second', state, worker, started_at, finished_at, result, error,
  case when n % 7 = 0 then $2::text::uuid end
from generate_series(1, $1) as n join (values
  (0, 'done'::dramatiq.state, gen_random_uuid(), now(), now(), '{}'::jsonb, null),
  (1, 'queued', null, null, null, null, null),
  (2, 'rejected', gen_random_uuid(), now(), now(), null, '{"type": "failed", "title": "x"}'::jsonb),
  (3, 'consumed', gen_random_uuid(), now(), null, null, null)
) as kinds (kind, state, worker, started_at, finished_at, result, error) on kind = n / 5 % 4
"""
ALL = "select message_id::text as id, created_at from dramatiq.queue where "
ADD = """
insert into dramatiq.queue (message_id, actor, lane, message) values (gen_random_uuid(), 'echo', 'default', '{"kwargs": {}}')
returning message_id::text as id
"""
#: One job, in a state and of a tenant that the test names.
ONE = """
insert into dramatiq.queue (message_id, actor, lane, tenant, message, state, worker, started_at, finished_at, result, error,
  expires_at)
select gen_random_uuid(), 'fail', 'default', 'acme', '{"kwargs": {}}', state, worker, at, at, result, error, at + interval '1 day'
from (values
  ('done'::dramatiq.state, gen_random_uuid(), now(), '{"n": 1}'::jsonb, null),
  ('queued', null, null, null, null),
  ('rejected', gen_random_uuid(), now(), null, '{"type": "failed", "title": "x"}'::jsonb)
) as kinds (state, worker, at, result, error)
where state = $1::text::dramatiq.state
returning message_id::text as id
"""
PARENT = "0190a1b2-0000-7000-8000-000000000000"
#: A job of acme with the last figures of its id, made and last changed so many minutes ago.
COPY = """
insert into dramatiq.queue (message_id, actor, lane, tenant, message, state, worker, started_at, finished_at, result, error,
  created_at, mtime)
select ('00000000-0000-4000-8000-00000000000' || $1::text)::uuid, 'fail', 'default', 'acme', '{"kwargs": {}}', state, worker, started_at,
  finished_at, result, error, date_trunc('day', now()) - $1::text::int * interval '1 minute', now() - $3::text::int * interval '1 minute'
from (values
  ('done'::dramatiq.state, gen_random_uuid(), now(), now(), '{"n": 1}'::jsonb, null),
  ('queued', null, null, null, null, null),
  ('consumed', gen_random_uuid(), now(), null, null, null),
  ('rejected', gen_random_uuid(), now(), now(), null, '{"type": "failed", "title": "x"}'::jsonb)
) as kinds (state, worker, started_at, finished_at, result, error)
where state = $2::text::dramatiq.state
"""
DONE = """
insert into dramatiq.queue (message_id, actor, lane, tenant, message, created_at, mtime, state, worker, started_at, finished_at,
  result)
select gen_random_uuid(), 'echo', 'default', 'hooli', '{"kwargs": {}}', now() - n * interval '1 second', now(), 'done',
  gen_random_uuid(), now(), now(), '{}'
from generate_series(1, $1) as n
"""
MOVE = """
insert into sooner_directory.move (id, locator, source, target, step)
select gen_random_uuid(), locator, 'a', 'c', 'x' from sooner_directory.tenant where tenant = 'acme'
"""
LEFT = "insert into sooner.frozen_tenant (tenant, reason, since) values ('acme', 'leaving', now() - interval '5 minutes')"


@pytest.fixture
def settings(shard_urls: dict[str, str], secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """Web on three shards; `a` is the home."""
    urls = {name: roles.address(url, "web") for name, url in shard_urls.items()}
    return {
        "web": {
            "DATABASE_URL": None,
            "DATABASE_URLS": several(urls),
            "LINK_SIGNING_KEY": "a key of the test suite that is long enough for links",
            "SECRETS_PUBLIC_KEY": secret_keys["SECRETS_PUBLIC_KEY"],
            "DIAGNOSTICS": "1",
        }
    }


async def place(urls: Mapping[str, str], tenant: str, shard: str, previous: str | None = None) -> None:
    """Puts a tenant into the directory."""
    for name, url in urls.items():
        await fetch(url, "insert into sooner.shard (name) values ($1) on conflict do nothing", name)
        await fetch(
            urls["a"], "insert into sooner_directory.shard (name) values ($1) on conflict do nothing", name
        )
    await fetch(
        urls["a"],
        "insert into sooner_directory.tenant (locator, tenant, shard, previous) values ($1, $2, $3, $4)",
        locator(tenant),
        tenant,
        shard,
        previous,
    )


@pytest.fixture
async def web(shard_urls: dict[str, str], processes: Processes) -> Web:
    """A web process alone: no job begins by itself."""
    await place(shard_urls, "operators", "a")
    return await processes.web()


@pytest.fixture
async def operator(shard_urls: dict[str, str], web: Web, connect: Connect) -> httpx.AsyncClient:
    """A client with every scope."""
    return connect(web, await create_key(shard_urls["a"], "operators", scopes=["jobs", "admin"]))


async def newest_first(urls: Mapping[str, str], where: str) -> list[str]:
    """The ids of the jobs of all shards in the order of lists."""
    rows = [row for url in urls.values() for row in await fetch(url, ALL + where)]
    return [row["id"] for row in sorted(rows, key=lambda row: (row["created_at"], row["id"]), reverse=True)]


async def put(url: str, state: str) -> str:
    """A job in a state."""
    [row] = await fetch(url, ONE, state)
    return str(row["id"])


async def stop(url: str) -> None:
    """Lets a database take no connection of a web process, and ends those that it has."""
    name = url.rpartition("/")[2]
    await fetch(url, f'alter database "{name}" connection limit 0')
    await fetch(
        url,
        "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
        name,
    )


FILTERS = {
    "": "true",
    "state=done&": "state = 'done'",
    "state=waiting&": "state = 'queued'",
    "state=processing&": "state = 'consumed'",
    "state=error&": "state = 'rejected'",
    "actor=sleep&": "actor = 'sleep'",
    "actor=echo&state=error&": "actor = 'echo' and state = 'rejected'",
}
FILTERS_BY_PARENT = {
    f"parent={PARENT}&": f"parent = '{PARENT}'",
    f"parent={PARENT}&state=done&": f"parent = '{PARENT}' and state = 'done'",
}


async def test_pages_hold_every_job_of_all_shards_once_while_jobs_are_added(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    for url, count in zip(shard_urls.values(), (1500, 900, 30), strict=True):
        await fetch(url, FILL, count, PARENT)
    filters = FILTERS | FILTERS_BY_PARENT
    expected = {query: await newest_first(shard_urls, where) for query, where in filters.items()}
    found: dict[str, list[str]] = {}
    lengths: set[int] = set()

    for query in filters:
        first = (await operator.get(f"/jobs?{query}limit=97")).json()
        added = {(await fetch(url, ADD))[0]["id"] for url in shard_urls.values()}
        pages = [first["items"], *(await walk(operator, first["next"]) if first["next"] else [])]
        found[query] = ids(pages)
        lengths |= {len(page) for page in pages[:-1]}
        for url in shard_urls.values():
            await fetch(url, "delete from dramatiq.queue where message_id::text = any($1)", added)

    assert found == expected
    assert lengths == {97}


async def test_the_dashboards_pages_hold_every_job_of_all_shards_once(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    for url, count in zip(shard_urls.values(), (150, 90, 30), strict=True):
        await fetch(url, FILL, count, PARENT)

    found = {query: await pages_of_the_dashboard(operator, query) for query in FILTERS}

    assert found == {query: await newest_first(shard_urls, where) for query, where in FILTERS.items()}


async def pages_of_the_dashboard(operator: httpx.AsyncClient, query: str) -> list[str]:
    """The ids on all pages of the dashboard's list."""
    found, cursor = [], ""
    while cursor is not None:
        page = (await operator.get(f"/dashboard/jobs?{query}cursor={cursor}")).json()
        found += [job["id"] for job in page["items"]]
        cursor = page["next"]
    return found


async def test_a_shard_that_has_only_looked_at_the_newest_hides_none_of_its_older_jobs(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    many = """
    insert into dramatiq.queue (message_id, actor, lane, message, created_at)
    select gen_random_uuid(), case when n % 30000 = 1 then 'rare' else 'echo' end, 'default', '{"kwargs": {}}',
      now() - n * interval '1 second'
    from generate_series(1, 60001) as n
    """
    few = """
    insert into dramatiq.queue (message_id, actor, lane, message, created_at)
    select gen_random_uuid(), 'rare', 'default', '{"kwargs": {}}', now() - n * interval '6000 seconds' from generate_series(0, 11) as n
    """
    await fetch(shard_urls["b"], many)
    await fetch(shard_urls["c"], few)

    pages = await walk(operator, "/jobs?actor=rare&limit=20")

    assert len(pages) > 1
    assert ids(pages) == await newest_first(shard_urls, "actor = 'rare'")


async def test_the_list_goes_on_without_a_shard_that_is_away_and_names_it(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    for url in shard_urls.values():
        await fetch(url, FILL, 60, PARENT)
    first = (await operator.get("/jobs?limit=50")).json()
    shown = set(ids([first["items"]]))
    there = await newest_first({k: v for k, v in shard_urls.items() if k != "b"}, "true")

    await stop(shard_urls["b"])
    rest, following = [], first["next"]
    while following is not None:
        page = (await operator.get(following)).json()
        assert page["missing"] == ["b"]
        rest += ids([page["items"]])
        following = page["next"]

    assert rest == [id for id in there if id not in shown]
    assert (await operator.get("/dashboard/jobs")).json()["missing"] == ["b"]


async def test_a_shard_that_does_not_answer_is_left_out_after_a_second(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    for url in shard_urls.values():
        await fetch(url, FILL, 9, PARENT)
    expected = await newest_first({k: v for k, v in shard_urls.items() if k != "c"}, "true")
    held = await asyncpg.connect(shard_urls["c"])
    async with held.transaction():
        await held.execute("lock table dramatiq.queue in access exclusive mode")

        began = time.monotonic()
        page = (await operator.get("/jobs")).json()
        took = time.monotonic() - began
    await held.close()

    assert page["missing"] == ["c"]
    assert ids([page["items"]]) == expected
    assert took < PATIENCE / 10


async def test_the_stream_tells_of_the_rows_of_all_shards(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    made = [await put(url, "queued") for url in shard_urls.values()]
    page = (await operator.get("/dashboard/jobs?state=waiting")).json()

    async with listening(operator, stream(page, state="waiting", job=made[1])) as (_, events):
        first = await told(events, "jobs")
        whole = await told(events, "job")
        await put(shard_urls["c"], "queued")
        added = await told(events, "jobs")

    assert [job["id"] for job in page["items"]] == made[::-1]
    assert first == {"items": page["items"], "new": 0}
    assert (whole["id"], whole["tenant"]) == (made[1], "acme")
    assert added == {"items": page["items"], "new": 1}


async def test_all_that_failed_on_all_shards_are_retried_once(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    for url in shard_urls.values():
        await fetch(url, FILL, 1000, PARENT)
    failed = len(await newest_first(shard_urls, "state = 'rejected' and actor = 'fail'"))
    changed: list[int] = []
    cursor = None
    while cursor is not None or not changed:
        answer = await operator.post("/dashboard/retry", json={"actor": "fail", "cursor": cursor})
        assert (answer.json()["refused"], answer.json().get("missing")) == (0, None)
        changed.append(answer.json()["changed"])
        cursor = answer.json()["next"]

    assert failed > 200
    assert sum(changed) == failed
    assert await newest_first(shard_urls, "state = 'rejected' and actor = 'fail'") == []


async def test_named_jobs_are_resolved_wherever_they_are(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    failed = [await put(url, "rejected") for url in shard_urls.values()]
    waiting = await put(shard_urls["c"], "queued")

    some = await operator.post(
        "/dashboard/resolve", json={"ids": [*failed[:2], waiting, PARENT], "note": "n"}
    )
    await stop(shard_urls["c"])
    away = await operator.post("/dashboard/resolve", json={"ids": failed})

    assert some.json() == {
        "changed": 2,
        "refused": 2,
        "reason": "Only a job in state error can be resolved.",
        "next": None,
    }
    assert (away.json()["changed"], away.json()["refused"], away.json()["missing"]) == (0, 3, ["c"])


@pytest.mark.parametrize("shard", ["a", "c"])
async def test_an_operator_reaches_a_job_by_its_bare_id_wherever_it_is(
    shard_urls: dict[str, str], operator: httpx.AsyncClient, shard: str
) -> None:
    done, waiting, failed, other = [
        await put(shard_urls[shard], state) for state in ("done", "queued", "rejected", "rejected")
    ]

    document = await operator.get(f"/jobs/{done}")
    said = {
        address: (await operator.get(f"/jobs/{done}{address}")).status_code
        for address in ("", "/output", "/logs", "/result")
    }
    async with listening(operator, f"/jobs/{done}/events") as (answer, events):
        last = [event.job["state"] async for event in events]
    retried = await operator.post(f"/jobs/{failed}/retry")
    resolved = await operator.post(f"/jobs/{other}/resolve", json={"note": "seen"})
    cancelled = await operator.post(f"/jobs/{waiting}/cancel")

    assert said == {"": 200, "/output": 200, "/logs": 200, "/result": 200}
    assert (document.json()["id"], len(document.json()["attempts_log"])) == (done, 1)
    assert (answer.status_code, last) == (200, ["done"])
    assert (retried.status_code, retried.json()["state"]) == (202, "waiting")
    assert (resolved.status_code, resolved.json()["error"]["note"]) == (200, "seen")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")


async def test_a_job_that_may_be_on_a_shard_that_is_away_is_not_said_to_be_gone(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    there, lost, expired = [
        await put(shard_urls[shard], state)
        for shard, state in (("c", "done"), ("b", "queued"), ("c", "done"))
    ]
    await fetch(
        shard_urls["c"],
        "update dramatiq.queue set expires_at = now() - interval '1 s' where message_id = $1::text::uuid",
        expired,
    )

    unknown = "ffffffff-0000-4000-8000-000000000000"
    before = {id: (await operator.get(f"/jobs/{id}")).status_code for id in (there, lost, expired, unknown)}
    await stop(shard_urls["b"])
    after = {id: await operator.get(f"/jobs/{id}") for id in (there, lost, expired, unknown)}

    assert before == {there: 200, lost: 200, expired: 410, unknown: 404}
    assert {id: answer.status_code for id, answer in after.items()} == {
        there: 200,
        lost: 503,
        expired: 410,
        unknown: 503,
    }
    assert after[lost].json()["missing"] == ["b"]
    assert int(after[lost].headers["Retry-After"]) >= 1


async def listed(client: httpx.AsyncClient, query: str = "") -> dict[int, str]:
    """The states of the jobs in a list by the last figure of their ids; asserts that none is there twice."""
    items = (await client.get(f"/jobs?{query}")).json()["items"]
    states = {int(item["id"][-1]): item["state"] for item in items}
    assert len(states) == len(items)
    return states


async def test_copies_of_a_tenant_that_comes_are_not_listed(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    await place(shard_urls, "acme", "a")
    await fetch(shard_urls["a"], MOVE)
    for figure, state, copied in (
        (1, "done", "done"),
        (2, "queued", "rejected"),
        (3, "consumed", "rejected"),
    ):
        await fetch(shard_urls["a"], COPY, str(figure), state, "9")
        await fetch(shard_urls["c"], COPY, str(figure), copied, "9")

    assert await listed(operator) == {1: "done", 2: "waiting", 3: "processing"}
    assert await listed(operator, "state=error") == {}
    assert await listed(operator, "state=waiting&actor=fail") == {2: "waiting"}
    page = (await operator.get("/dashboard/jobs?state=error")).json()
    assert page["items"] == []


async def test_copies_that_a_tenant_has_left_are_not_listed_but_what_ran_there_is(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    await place(shard_urls, "acme", "c", previous="a")
    await fetch(shard_urls["a"], MOVE)
    await fetch(shard_urls["a"], LEFT)
    left = (
        (1, "done", 9),
        (2, "queued", 9),
        (3, "rejected", 9),
        (4, "consumed", 9),
        (5, "rejected", 1),
        (6, "queued", 1),
    )
    for figure, state, minutes in left:
        await fetch(shard_urls["a"], COPY, str(figure), state, str(minutes))
    for figure, state in ((1, "done"), (2, "done"), (3, "queued"), (5, "rejected"), (7, "queued")):
        await fetch(shard_urls["c"], COPY, str(figure), state, "0")

    assert await listed(operator) == {
        1: "done", 2: "done", 3: "waiting", 4: "processing", 5: "error", 6: "waiting", 7: "waiting",
    }  # fmt: skip
    assert await listed(operator, "state=waiting") == {3: "waiting", 6: "waiting", 7: "waiting"}
    assert await listed(operator, "state=error") == {5: "error"}
    assert await listed(operator, "state=processing") == {4: "processing"}


async def test_a_tenant_that_has_moved_sees_what_still_lies_where_it_was(
    shard_urls: dict[str, str], operator: httpx.AsyncClient, web: Web, connect: Connect
) -> None:
    await place(shard_urls, "acme", "c", previous="a")
    await fetch(shard_urls["a"], LEFT)
    tenant = connect(web, await create_key(shard_urls["c"], "acme"))
    for figure, state, minutes in ((1, "queued", 9), (2, "consumed", 9), (3, "rejected", 1)):
        await fetch(shard_urls["a"], COPY, str(figure), state, str(minutes))
    for figure, state in ((1, "done"), (3, "rejected"), (4, "queued")):
        await fetch(shard_urls["c"], COPY, str(figure), state, "0")

    assert await listed(tenant) == {1: "done", 2: "processing", 3: "error", 4: "waiting"}
    assert await listed(tenant, "state=waiting") == {4: "waiting"}
    first = (await tenant.get("/jobs?limit=1")).json()
    pages = await walk(tenant, first["next"])
    assert [int(id[-1]) for id in ids([first["items"], *pages])] == [1, 2, 3, 4]

    documents = {id: (await tenant.get(f"/jobs/{id}")).json() for id in ids([first["items"], *pages])}
    assert [job["state"] for job in documents.values()] == ["done", "processing", "error", "waiting"]
    for id, document in documents.items():
        signed = await operator.get(document["urls"]["self"], headers={"Authorization": ""})
        assert (signed.status_code, signed.json()["id"]) == (200, id)
    assert (await tenant.get("/jobs/ffffffff-0000-4000-8000-000000000000")).status_code == 404

    await stop(shard_urls["a"])
    assert (await tenant.get("/jobs")).json()["missing"] == ["a"]
    assert (await tenant.get(f"/jobs/{first['items'][0]['id']}")).json()["state"] == "done"


async def test_jobs_of_a_tenant_that_moves_are_refused_and_the_others_changed(
    shard_urls: dict[str, str], operator: httpx.AsyncClient
) -> None:
    failed = [await put(url, "rejected") for url in shard_urls.values()]
    await fetch(shard_urls["b"], LEFT)

    answer = await operator.post("/dashboard/retry", json={"ids": failed})

    assert (answer.json()["changed"], answer.json()["refused"]) == (2, 1)
    assert "is being moved" in answer.json()["reason"]
    assert "missing" not in answer.json()


@pytest.mark.parametrize("query", ["state=done&limit=97", "limit=97"], ids=["done", "all"])
async def test_while_a_tenant_moves_every_walk_meets_each_of_its_jobs_once(
    shard_urls: dict[str, str], operator: httpx.AsyncClient, query: str
) -> None:
    await place(shard_urls, "hooli", "b")
    await fetch(shard_urls["b"], DONE, 1200)
    for url in (shard_urls["a"], shard_urls["c"]):
        await fetch(url, FILL, 50, PARENT)
    where = "state = 'done'" if "done" in query else "true"
    expected = await newest_first(shard_urls, where)

    mover = Mover(shard_urls, "a", "hooli", say=lambda line: None, settle_seconds=NOTICED_SECONDS)
    moving = asyncio.create_task(mover.move("c"))
    walks = 0
    while not moving.done():
        assert ids(await walk(operator, f"/jobs?{query}")) == expected
        walks += 1
    await moving

    assert walks > 3
    assert await newest_first({"c": shard_urls["c"]}, "tenant = 'hooli'") != []
    assert await newest_first({"b": shard_urls["b"]}, "tenant = 'hooli'") == []
