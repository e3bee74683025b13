"""A repeated request finds its first job wherever that lies while its tenant moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.moving.test_leftovers import DONE, RUNNING, SWITCHED, connected
from tests.moving.test_mover import move
from tests.support.keys import create_key
from tests.support.rows import until
from tests.support.shards import several

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.moving.conftest import Place
    from tests.moving.test_mover import Urls
    from tests.support.processes import Processes


async def test_a_job_that_runs_where_its_tenant_was_is_found_by_its_key(
    urls: Urls, place: Place, processes: Processes, connect: Connect
) -> None:
    await place("acme", "a")
    web = await processes.web(DATABASE_URL=None, DATABASE_URLS=several(urls), HOME_SHARD="home")
    client = connect(web, await create_key(urls["a"], "acme"))
    headers = {"Idempotency-Key": "k", "Prefer": "respond-async"}
    first = (await client.post("/jobs/echo", json={"n": 1}, headers=headers)).json()
    async with connected(urls["a"]) as a, connected(urls["b"]) as b, connected(urls["home"]) as home:
        [running] = await a.fetch(RUNNING.format(which="tenant = 'acme'", most=1))
        moving = asyncio.create_task(move(urls, "acme", "b"))
        await until(home, SWITCHED)
        await until(b, "select not exists (select from sooner.frozen_tenant where tenant = 'acme')")

        meanwhile = await client.post("/jobs/echo", json={"n": 1}, headers=headers)
        while meanwhile.status_code == 503:
            meanwhile = await client.post("/jobs/echo", json={"n": 1}, headers=headers)
        other = await client.post("/jobs/echo", json={"n": 2}, headers=headers)
        await a.execute(DONE, running[0])
        await moving
        later = await client.post("/jobs/echo", json={"n": 1}, headers=headers)

        assert await b.fetchval("select count(*) from dramatiq.queue where tenant = 'acme'") == 1
    assert (meanwhile.status_code, meanwhile.json()["id"], meanwhile.json()["state"]) == (
        202,
        first["id"],
        "processing",
    )
    assert meanwhile.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert (later.json()["id"], later.json()["state"]) == (first["id"], "done")
