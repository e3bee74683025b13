"""The budget of connections counts what processes really open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.db import budget
from sooner.db.database import POOL_SIZE
from tests.support.jobs import fetch, post, rows
from tests.support.keys import create_key
from tests.support.shards import several

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect
    from tests.support.processes import Processes
    from tests.support.shards import Shards

SESSIONS = """
select application_name, count(*) from pg_stat_activity
where datname = current_database() and application_name like 'sooner %' group by 1
"""
FULL = """
select from pg_stat_activity where datname = current_database() and application_name = 'sooner web' having count(*) >= $1
"""
SUBMIT = """select sooner.submit('tell', '{"words": ["a word"]}')"""
DONE = "select from dramatiq.queue where state = 'done'"


async def sessions(url: str) -> dict[str, int]:
    """The sessions of processes in a database, by their name."""
    return {row[0]: row[1] for row in await fetch(url, SESSIONS)}


async def sessions_of_web(client: httpx.AsyncClient, url: str) -> dict[str, int]:
    """The sessions of a web process of which all that it can open is in use."""
    job = await post(client, "echo")
    assert (await client.get(f"/jobs/{job['id']}")).status_code == 200
    assert (await client.get(f"/jobs/{job['id']}/output")).status_code == 200
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("lock table dramatiq.queue in access exclusive mode")
        waiting = [asyncio.create_task(client.get("/jobs")) for _ in range(POOL_SIZE + 1)]
        await rows(url, FULL, POOL_SIZE)
        found = await sessions(url)
    await holder.close()
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    return found


@pytest.mark.direct("it counts the processes' own connections")
async def test_web_opens_as_many_to_each_shard_as_the_budget_says(
    processes: Processes, shards: Shards, connect: Connect
) -> None:
    keys = {name: await shards.key(f"of-{name}", name) for name in shards.urls}
    web = await processes.web(DATABASE_URL=None, DATABASE_URLS=several(shards.urls), WEB_CONCURRENCY="1")
    for name, url in shards.urls.items():
        found = await sessions_of_web(connect(web, keys[name]), url)
        most = budget.most("web", listen=True, is_shard=True, is_home=url == shards.home_url)
        assert sum(found.values()) == most, found


@pytest.mark.direct("it counts the processes' own connections")
async def test_web_opens_as_many_to_its_only_database_as_the_budget_says(
    processes: Processes, database_url: str, connect: Connect
) -> None:
    web = await processes.web(WEB_CONCURRENCY="1")
    found = await sessions_of_web(connect(web, await create_key(database_url)), database_url)

    assert sum(found.values()) == budget.most("web", listen=True), found


@pytest.mark.direct("it counts the processes' own connections")
async def test_a_worker_opens_as_many_beside_its_pool_as_the_budget_says(
    processes: Processes, database_url: str
) -> None:
    await processes.worker(module="tests.support.speakers", WORKER_PROCESSES="1")
    await fetch(database_url, SUBMIT)
    await rows(database_url, DONE)
    found = await sessions(database_url)

    beside = sum(count for name, count in found.items() if name not in ("sooner worker", "sooner looks"))
    assert beside + POOL_SIZE == budget.most("worker", listen=True), found
