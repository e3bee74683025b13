"""The freeze where a tenant leaves: a lease, and once all is copied a freeze without end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.jobs.moving import source_freeze
from sooner.jobs.moving.move_end import MoveEnd
from sooner.jobs.moving.source_freeze import FreezeLapsed, SourceFreeze
from sooner.queue import freeze
from tests.support.rows import until

if TYPE_CHECKING:
    from tests.moving.test_mover import Urls


async def test_a_mover_that_stood_still_until_its_lease_ended_makes_nothing_endless(
    urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(urls["a"])
    ends = MoveEnd("a", urls["a"]), MoveEnd("a", urls["a"])
    leaving = SourceFreeze(*ends, "acme")
    renew = freeze.renew

    async def renew_late(*words: Any) -> bool:
        await until(connection, "select until < dramatiq.clock() from sooner.frozen_tenant")
        return await renew(*words)

    monkeypatch.setattr(source_freeze, "LEASE_SECONDS", 0.2)
    monkeypatch.setattr(freeze, "renew", renew_late)
    await leaving.begin()
    await leaving.stop()

    with pytest.raises(FreezeLapsed):
        await leaving.make_endless()

    assert await connection.fetchval("select until <> 'infinity' from sooner.frozen_tenant")
    for each in (*ends, connection):
        await each.close()
