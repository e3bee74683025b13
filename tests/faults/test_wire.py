"""What is lost between PostgreSQL and the service: answers of what was committed, and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.conftest import Scene

pytestmark = pytest.mark.slow


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
