"""Shards that are away: their own tenants are told at once, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest

from sooner.web.all_shards import PATIENCE_SECONDS
from tests.faults.proxy import Proxy
from tests.support.events import listening
from tests.support.jobs import fetch, post
from tests.support.keys import create_key
from tests.support.processes import PATIENCE
from tests.support.shards import on_three_shards, several

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from sooner.local.postgres import Cluster
    from tests.conftest import Connect
    from tests.support.processes import Processes, Web
    from tests.support.shards import Shards

#: How soon a tenant of a shard that is known to be away is told so.
AT_ONCE = 0.3


@pytest.fixture
def settings(shard_urls: dict[str, str], secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """Web works on three shards, unless a test says where else they are."""
    return on_three_shards(shard_urls, secret_keys)


@pytest.fixture
async def proxies(shard_urls: dict[str, str]) -> AsyncIterator[dict[str, Proxy]]:
    """What stands in front of each shard."""
    async with contextlib.AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(Proxy(url)) for name, url in shard_urls.items()}


async def served(processes: Processes, proxies: dict[str, Proxy]) -> Web:
    """A web process that reaches each shard through its proxy.

    The proxies stand still while the test does: it makes its keys before.
    """
    return await processes.web(DATABASE_URLS=several({name: each.url for name, each in proxies.items()}))


async def answers(client: httpx.AsyncClient, code: int) -> None:
    """Asks until the answer has this status."""
    async with asyncio.timeout(PATIENCE):
        found = 0
        while found != code:
            found = (await client.get("/jobs")).status_code
            await asyncio.sleep(0 if found == code else 0.02)


async def timed(client: httpx.AsyncClient, address: str, **options: Any) -> tuple[int, float]:
    """The status of an answer and the seconds that it took."""
    began = time.monotonic()
    answer = await client.request(options.pop("method", "GET"), address, **options)
    return answer.status_code, time.monotonic() - began


async def test_a_shard_that_refuses_is_away_for_its_tenants_alone(
    processes: Processes, shards: Shards, connect: Connect, proxies: dict[str, Proxy]
) -> None:
    keys = [await shards.key(f"of-{name}", name) for name in ("a", "b")]
    web = await served(processes, proxies)
    here, there = [connect(web, key) for key in keys]
    job = await post(there, "echo")
    await proxies["b"].__aexit__(None, None, None)
    await answers(there, 503)
    await web.line('"shard": "b".*"shard away"')

    for method, address in (("GET", "/jobs"), ("POST", "/jobs/echo"), ("GET", f"/jobs/{job['id']}")):
        code, seconds = await timed(
            there, address, method=method, **({"json": {}} if method == "POST" else {})
        )
        assert (code, seconds < AT_ONCE) == (503, True)
    refused = await there.get("/jobs")
    assert refused.headers["Retry-After"]
    assert (await connect(web).get(job["urls"]["self"])).status_code == 503
    assert (await here.get("/jobs")).status_code == 200
    assert (await post(here, "echo"))["state"] == "waiting"
    ready = await here.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["shards"] == {"a": "ok", "b": "away", "c": "ok"}


async def test_a_host_that_swallows_packets_holds_nobody(
    processes: Processes, shards: Shards, connect: Connect, proxies: dict[str, Proxy]
) -> None:
    keys = [await shards.key(f"of-{name}", name) for name in ("a", "b")]
    web = await served(processes, proxies)
    here, there = [connect(web, key) for key in keys]
    assert (await there.get("/jobs")).status_code == 200
    proxies["b"].vanish()
    # More of them than a pool has connections: those under way end when it is noticed.
    caught = await asyncio.gather(*(timed(there, "/jobs") for _ in range(20)))
    assert {code for code, _ in caught} == {503}
    assert max(seconds for _, seconds in caught) < 3

    later = [await timed(there, "/jobs/echo", method="POST", json={}) for _ in range(5)]
    assert {code for code, _ in later} == {503}
    assert sorted(seconds for _, seconds in later)[2] < AT_ONCE
    assert (await timed(here, "/jobs"))[0] == 200


async def test_a_slow_shard_holds_up_no_request_for_a_job_of_another(
    processes: Processes, shards: Shards, connect: Connect
) -> None:
    tenant, operator = await shards.key("acme", "b"), await shards.key("ops", "a", scopes=("admin",))
    web = await processes.web()
    job = await post(connect(web, tenant), "echo")
    client = connect(web, operator)
    slow = await asyncpg.connect(shards.urls["c"])
    async with slow.transaction():
        # The shard is there: whoever looks for a job in it waits.
        await slow.execute("lock table dramatiq.queue in access exclusive mode")
        found = [await timed(client, f"/jobs/{job['id']}") for _ in range(3)]
        nowhere = await client.get(f"/jobs/{uuid4()}")
    await slow.close()

    assert {code for code, _ in found} == {200}
    assert min(seconds for _, seconds in found) < PATIENCE_SECONDS
    assert (nowhere.status_code, nowhere.json()["missing"]) == (503, ["c"])
    assert (await client.get("/readyz")).json()["shards"]["c"] == "ok"
    assert not any("never retrieved" in line for line in web.lines)


async def test_home_may_be_away(
    processes: Processes, shards: Shards, connect: Connect, proxies: dict[str, Proxy]
) -> None:
    tenants = {"known": "b", "unknown": "b", "home": "a"}
    keys = [await shards.key(tenant, shard) for tenant, shard in tenants.items()]
    web = await served(processes, proxies)
    known, unknown, at_home = [connect(web, key) for key in keys]
    job = await post(known, "echo")
    proxies["a"].vanish()
    await web.line("shard away")
    await answers(at_home, 503)

    assert (await post(known, "echo"))["state"] == "waiting"
    code, seconds = await timed(unknown, "/jobs")
    assert (code, seconds < AT_ONCE) == (503, True)
    assert (await connect(web).get(job["urls"]["self"])).status_code == 200
    assert (await known.get("/readyz")).json()["shards"]["a"] == "away"


async def test_a_shard_that_comes_later_is_used_then(
    processes: Processes, shards: Shards, connect: Connect, cluster: Cluster, cluster_url: str
) -> None:
    shards.urls = {**shards.urls, "b": cluster_url}
    await fetch(cluster_url, "insert into sooner.shard (name) values ('b')")
    key = await shards.key("acme", "b")
    cluster.stop()
    web = await processes.web(DATABASE_URLS=several(shards.urls))
    client = connect(web, key)
    assert (await client.get("/jobs")).status_code == 503

    cluster.start()
    await answers(client, 200)
    await processes.worker(DATABASE_URL=cluster_url)
    assert (await post(client, "echo", "wait=20"))["state"] == "done"


async def test_an_event_stream_outlives_its_shard(
    processes: Processes, shards: Shards, connect: Connect, cluster: Cluster, cluster_url: str
) -> None:
    shards.urls = {**shards.urls, "b": cluster_url}
    client = connect(await processes.web(DATABASE_URLS=several(shards.urls)), await shards.key("acme", "b"))
    job = await post(client, "echo")
    async with listening(client, f"/jobs/{job['id']}/events") as (_, events):
        first = await anext(events)
        cluster.stop()
        await answers(client, 503)
        cluster.start()
        await answers(client, 200)
        await client.post(f"/jobs/{job['id']}/cancel")
        last = [event async for event in events if event.type != "comment"]

    assert first.job["state"] == "waiting"
    assert [event.job["state"] for event in last] == ["cancelled"]


@pytest.mark.parametrize("alone", [True, False])
async def test_a_wait_for_output_ends_where_its_database_is_lost(
    processes: Processes, shards: Shards, connect: Connect, cluster: Cluster, cluster_url: str, alone: bool
) -> None:
    if alone:
        key = await create_key(cluster_url)
        web = await processes.web(DATABASE_URL=cluster_url, DATABASE_URLS=None)
    else:
        shards.urls = {**shards.urls, "b": cluster_url}
        key = await shards.key("acme", "b")
        web = await processes.web(DATABASE_URLS=several(shards.urls))
    client = connect(web, key)
    job = await post(client, "echo")
    waits = asyncio.create_task(client.get(f"/jobs/{job['id']}/output", headers={"Prefer": "wait=25"}))
    assert not (await asyncio.wait([waits], timeout=0.5))[0]
    cluster.stop()

    assert (await asyncio.wait_for(waits, 15)).status_code == 503


async def test_a_shard_with_an_older_schema_keeps_nobody_from_the_others(
    processes: Processes, shards: Shards, connect: Connect
) -> None:
    await fetch(shards.urls["b"], "update sooner.alembic_version set version_num = '0034'")
    ready = await connect(await processes.web()).get("/readyz")

    assert ready.json()["shards"] == {"a": "ok", "b": "old schema", "c": "ok"}


async def test_another_shards_database_is_not_used(
    processes: Processes, shards: Shards, connect: Connect
) -> None:
    swapped = {**shards.urls, "b": shards.urls["c"], "c": shards.urls["b"]}
    key = await shards.key("acme", "b")
    web = await processes.web(DATABASE_URLS=several(swapped))

    said = await web.line("DATABASE_URLS names the database b, but it is c")
    assert '"level": "error"' in said.string.replace('":"', '": "')
    assert (await connect(web, key).get("/jobs")).status_code == 503
    assert (await connect(web).get("/readyz")).json()["shards"] == {"a": "ok", "b": "away", "c": "away"}


async def test_a_process_waits_for_the_first_of_its_databases(
    processes: Processes, cluster: Cluster, cluster_url: str
) -> None:
    cluster.stop()
    web = await processes.web(
        ready=False, DATABASE_URLS=several({"a": cluster_url, "b": cluster_url + "_not_there"})
    )
    await web.line("shard away.*b")
    cluster.start()
    await web.ready()
