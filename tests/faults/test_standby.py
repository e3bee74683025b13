"""A primary dies and its standby is promoted: addresses of two hosts find the one that takes writes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import Scene
from tests.faults.database import execute
from tests.support import roles
from tests.support.databases import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from sooner.local.postgres import Cluster
    from tests.faults.conftest import Say
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

PROMOTION_SECONDS = 30


@pytest.fixture
def address(cluster: Cluster, standby: Cluster) -> str:
    cluster.create("sooner")
    credentials = cluster.url().partition("@")[0]
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{cluster.port}"
    return f"{credentials}@{hosts}/sooner?target_session_attrs=read-write"


async def test_a_promotion_is_survived(
    address: str, cluster: Cluster, standby: Cluster, processes: Processes, effects: Path, say: Say
) -> None:
    await asyncio.to_thread(migrate, address)
    await asyncio.to_thread(roles.grant, address)
    await execute(cluster.url(), "alter system set synchronous_standby_names = '*'")
    await execute(cluster.url(), "select pg_reload_conf()")
    scene = Scene(address, processes, effects, say)
    async with scene.run() as run:
        run.workers.held += await run.workers.held_now()
        await asyncio.to_thread(cluster.stop, immediate=True)
        began = time.monotonic()
        await execute(standby.url(), "select pg_promote()")
        await run.load.more(60, within=PROMOTION_SECONDS)
        say(f"60 more accepted {time.monotonic() - began:.1f} s after the primary's death")
    # What the primary claimed without waiting for the standby is claimed again.
    run.verdict.require(repeats=run.verdict.held)
