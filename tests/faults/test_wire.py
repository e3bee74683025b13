"""What is lost between PostgreSQL and the service: answers of what was committed, notifications, and the way to its host."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from sooner.db import Link, Query, Unavailable
from tests.faults.proxy import Proxy
from tests.support.keys import create_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect
    from tests.faults.conftest import Scene
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

LATER = {"Prefer": "respond-async"}
ONE = Query("one", "", "select 1 as one")


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def address(proxy: Proxy) -> str:
    return proxy.url


async def test_connections_cut_after_commit_before_the_answer(scene: Scene, proxy: Proxy) -> None:
    async with scene.run() as run:
        proxy.cut = 0.03
        await run.load.more(600)
        proxy.cut = 0
    scene.say(f"answers cut off: {proxy.cuts}")
    assert proxy.cuts > 20
    run.verdict.require()


async def test_notifications_suppressed(scene: Scene, proxy: Proxy) -> None:
    proxy.notifications = False
    async with scene.run() as run:
        await run.load.more(300)
    scene.say(f"notifications suppressed: {proxy.dropped}")
    assert proxy.dropped > 0
    run.verdict.require()


async def test_a_host_that_vanishes_is_told_of_within_seconds(
    connect: Connect, processes: Processes, database_url: str, proxy: Proxy
) -> None:
    client = connect(await processes.web(), await create_key(database_url))
    # As many at once as open each connection, and then none of them is known to be dead.
    await asyncio.gather(*(client.post("/jobs/echo", json={}, headers=LATER) for _ in range(20)))
    proxy.vanish()
    began = time.monotonic()
    answers = await asyncio.gather(*(_post(client) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [503] * 3
    # 5 s for the dead connection, 5 s for a new one; a request that came meanwhile tries once more.
    assert time.monotonic() - began < 20
    began = time.monotonic()
    assert (await _post(client)).status_code == 503
    assert time.monotonic() - began < 7


async def test_the_address_says_how_soon_a_vanished_host_is_noticed(proxy: Proxy) -> None:
    link = Link(f"{proxy.url}?tcp_user_timeout=500&connect_timeout=2", "test")
    await link.fetch(ONE)
    proxy.vanish()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await link.fetch(ONE)
    assert time.monotonic() - began < 4
    await link.close()


async def _post(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/jobs/echo", json={}, headers=LATER, timeout=60)
