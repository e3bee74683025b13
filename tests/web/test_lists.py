"""GET /jobs: pages, filters, tenants."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.databases import Databases
    from tests.support.processes import Processes


async def echo(client: httpx.AsyncClient, **params: Any) -> str:
    answer = await client.post("/jobs/echo", json=params)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def walk(client: httpx.AsyncClient, address: str) -> list[list[dict[str, Any]]]:
    """The items of every page from an address on."""
    pages = []
    following: str | None = address
    while following is not None:
        answer = await client.get(following)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert answer.headers.get("Link") == (f'<{page["next"]}>; rel="next"' if page["next"] else None)
        pages.append(page["items"])
        following = page["next"]
    return pages


def ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [item["id"] for page in pages for item in page]


async def test_pages_hold_every_job_once_newest_first_while_jobs_are_added(client: httpx.AsyncClient) -> None:
    made = [await echo(client, n=n) for n in range(7)]

    first = (await client.get("/jobs?limit=3")).json()
    later = await echo(client, n="later")
    rest = await walk(client, first["next"])

    assert [item["id"] for item in first["items"]] + ids(rest) == made[::-1]
    assert [len(page) for page in rest] == [3, 1]
    assert later not in ids(rest)


async def test_an_item_is_the_jobs_document(client: httpx.AsyncClient) -> None:
    id = await echo(client, text="x")

    [item] = (await client.get("/jobs")).json()["items"]

    document = (await client.get(f"/jobs/{id}")).json()
    assert item == document
    assert (await client.get("/jobs")).json()["next"] is None


async def test_filters_by_state_and_actor(client: httpx.AsyncClient) -> None:
    done = await echo(client)
    failed = (await client.post("/jobs/fail", json={})).json()["id"]
    waiting = (await client.post("/jobs/fail?delay=60", json={})).json()["id"]
    cancelled = (await client.post("/jobs/echo?delay=60", json={})).json()["id"]
    await client.post(f"/jobs/{cancelled}/cancel")
    asleep = (await client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": "wait=1"})).json()
    assert asleep["state"] == "processing"

    found = {
        query: ids(await walk(client, f"/jobs?{query}"))
        for query in (
            "state=done",
            "state=error",
            "state=waiting",
            "state=cancelled",
            "state=processing",
            "state=error_resolved",
            "actor=fail",
            "actor=fail&state=error",
            "actor=nobody",
            "actor=echo&state=waiting",
            "state=&actor=&cursor=&limit=",
        )
    }

    assert found == {
        "state=done": [done],
        "state=error": [failed],
        "state=waiting": [waiting],
        "state=cancelled": [cancelled],
        "state=processing": [asleep["id"]],
        "state=error_resolved": [],
        "actor=fail": [waiting, failed],
        "actor=fail&state=error": [failed],
        "actor=nobody": [],
        "actor=echo&state=waiting": [],
        "state=&actor=&cursor=&limit=": [asleep["id"], cancelled, waiting, failed, done],
    }


async def test_a_tenant_sees_its_own_jobs_an_operator_all(
    service: Service, connect: Connect, api_key: MakeKey
) -> None:
    other = connect(service.web, await api_key("globex"))
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    ours, theirs = await echo(service.client), await echo(other)

    assert ids(await walk(service.client, "/jobs")) == [ours]
    assert ids(await walk(other, "/jobs?state=done")) == [theirs]
    assert ids(await walk(operator, "/jobs?limit=1")) == [theirs, ours]
    assert ids(await walk(operator, "/jobs?state=done&actor=echo")) == [theirs, ours]


async def test_jobs_that_run_stand_between_the_others_on_every_page(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    web = await processes.web()
    client = connect(web, await api_key())
    operator = connect(web, await api_key("operators", scopes=["admin"]))
    database = await asyncpg.connect(database_url)
    rows = await database.fetch(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, message, created_at, state, worker, started_at,
          finished_at, result)
        select gen_random_uuid(), 'echo', 'default', 'acme', '{"kwargs": {}}',
          -- Two at a time have one time.
          now() - n / 2 * interval '1 second', state, worker, started_at, finished_at, result
        from generate_series(0, 9) as n, (values
          ('consumed'::dramatiq.state, gen_random_uuid(), now(), null, null),
          ('queued', null, null, null, null),
          ('done', gen_random_uuid(), now(), now(), '{}'::jsonb)
        ) as kinds (state, worker, started_at, finished_at, result)
        returning message_id::text as id, created_at
        """
    )
    await database.close()
    newest_first = [row["id"] for row in sorted(rows, key=lambda row: (row["created_at"], row["id"]))][::-1]

    assert ids(await walk(client, "/jobs?limit=4")) == newest_first
    assert ids(await walk(operator, "/jobs?limit=7")) == newest_first


async def test_an_unfit_query_is_refused(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    client = connect(await processes.web(), await api_key())
    unfit = {
        "state=finished": "#/state",
        "state=rejected": "#/state",
        "limit=0": "#/limit",
        "limit=101": "#/limit",
        "limit=ten": "#/limit",
        "limit=1.5": "#/limit",
        "cursor=nonsense": "#/cursor",
        "cursor=%00": "#/cursor",
        "cursor=f___________AAAAAAAAAAAAAAAAAAAA": "#/cursor",
        "actor=a%00b": "#/actor",
    }

    answers = {query: await client.get(f"/jobs?{query}") for query in unfit}

    assert {answer.status_code for answer in answers.values()} == {422}
    assert {query: answer.json()["errors"][0]["pointer"] for query, answer in answers.items()} == unfit


async def test_a_page_of_large_jobs_ends_early_and_loses_none(
    service: Service, settings: dict[str, dict[str, str | None]]
) -> None:
    database = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    await database.execute(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, state, message, result, worker, started_at,
          finished_at, created_at)
        select gen_random_uuid(), 'echo', 'default', 'acme', 'done', '{"kwargs": {}}',
          to_jsonb(repeat('x', 1500000)), gen_random_uuid(), now(), now(), now() - n * interval '1 second'
        from generate_series(1, 5) as n
        """
    )
    await database.close()

    pages = await walk(service.client, "/jobs?limit=100")

    assert [len(page) for page in pages] == [2, 2, 1]
    assert len(set(ids(pages))) == 5


async def test_lists_are_read_from_the_replica_and_from_the_primary_while_it_is_away(
    databases: Databases, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    replica = databases.migrated()
    database = await asyncpg.connect(databases.url(replica))
    await database.execute(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, message)
        values (gen_random_uuid(), 'only-there', 'default', 'acme', '{"kwargs": {}}')
        """
    )
    await database.close()
    web = await processes.web(DATABASE_REPLICA_URL=databases.url(replica))
    client = connect(web, await api_key())

    there = (await client.get("/jobs")).json()["items"]
    databases.drop(replica)
    here = (await client.get("/jobs")).json()["items"]
    # What a pooler still keeps waiting for the replica keeps nobody else, nor the end of the process.
    await web.terminate()

    assert [item["actor"] for item in there] == ["only-there"]
    assert here == []


def walk_plan(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.get("Plans", []) for below in walk_plan(child))]


async def test_the_cost_of_a_page_does_not_grow_with_the_table(database_url: str) -> None:
    from sooner.jobs.following.listing import SCAN, SQL, START
    from sooner.jobs.retention.export import BEGINNING, NIL
    from sooner.jobs.retention.export import SQL as EXPORT

    database = await asyncpg.connect(database_url)
    await database.execute(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, state, message, result, error, worker,
          started_at, finished_at, created_at)
        select gen_random_uuid(), 'echo', 'default', 'tenant' || n % 97,
          (case when n % 5000 = 0 then 'rejected' else 'done' end)::dramatiq.state, '{}', '{}',
          case when n % 5000 = 0 then '{}'::jsonb end, gen_random_uuid(), now(), now(),
          now() - n * interval '1 second'
        from generate_series(1, 40000) as n
        """
    )
    await database.execute(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, state, message, worker, started_at)
        select gen_random_uuid(), 'echo', 'default', 'tenant' || n % 10, 'consumed', '{}', gen_random_uuid(), now()
        from generate_series(1, 100) as n
        """
    )
    await database.execute("vacuum analyze dramatiq.queue")
    touched = {}
    for name in ("walk_of_tenant", "walk_of_all", "ill_of_tenant", "ill_of_all", "live", "batch"):
        query = getattr(EXPORT if name == "batch" else SQL, name)
        values: dict[str, object] = {
            "tenant": "tenant1",
            "state": {"live": "queued"}.get(name, "rejected" if name.startswith("ill") else None),
            "actor": None,
            "before_at": START.created_at,
            "before_id": START.id,
            "after_at": BEGINNING,
            "after_id": NIL,
            "exporting": NIL,
            "most": 1 << 20,
            "scan": SCAN,
            "limit": 51,
            "coming": [],
            "left": [],
        }
        [[plan]] = await database.fetch(
            f"explain (analyze, format json) {query.positional}", *query.arguments(values)
        )
        touched[name] = sum(
            (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            for node in walk_plan(json.loads(plan)[0]["Plan"])
            if "Scan" in node["Node Type"] and "Relation Name" in node
        )
    await database.close()

    running = 100
    assert touched["walk_of_tenant"] <= running + 500
    assert touched["walk_of_all"] <= running + 60
    assert touched["ill_of_tenant"] <= 10
    assert touched["ill_of_all"] <= 10
    assert touched["live"] == 0
    assert touched["batch"] <= running + 500
