"""A role without any right but to connect: what it can make happen, and what it can see."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pytest

from tests.faults.database import execute
from tests.faults.judge import read_effects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.conftest import Service
    from tests.faults.conftest import Scene

LANES = ("default", "default.threads", "default.last", "default.limited")
CHANNELS = [
    *(f"dramatiq.{lane}.{kind}" for lane in LANES for kind in ("enqueue", "ack")),
    *(f"sooner.{name}" for name in ("changed", "cancel", "postponed", "control")),
]
IDS = re.compile(r"([0-9a-f-]{36}(,[0-9a-f-]{36})*)?")
RUNNING = "select message_id::text from dramatiq.queue where state = 'consumed' limit 100"


@pytest.fixture
async def stranger_url(database_url: str) -> AsyncIterator[str]:
    parts, name = urlsplit(database_url), f"stranger_{uuid.uuid4().hex[:8]}"
    await execute(database_url, f"create role {name} login password 'unknown'")
    yield parts._replace(netloc=f"{name}:unknown@{parts.hostname}:{parts.port}").geturl()
    await execute(database_url, f"drop role {name}")


def stock_message(id: uuid.UUID) -> str:
    """What dramatiq-pg's producer puts into a notification, and its own worker would run."""
    message: dict[str, Any] = {"queue_name": "default", "actor_name": "mark", "args": [], "kwargs": {"n": -1}}
    return orjson.dumps({**message, "options": {}, "message_id": str(id), "message_timestamp": 0}).decode()


@pytest.mark.slow
async def test_forged_notifications(scene: Scene, stranger_url: str, effects: Path) -> None:
    forged = [uuid.uuid4() for _ in range(5)]
    async with scene.run() as run:
        stranger, owner = await asyncpg.connect(stranger_url), await asyncpg.connect(scene.url)
        for round in range(20):
            running = [row[0] for row in await owner.fetch(RUNNING)]
            id = forged[round % len(forged)]
            payloads = ["junk", "{", ",,,", "\x7f" * 7000, str(id), ",".join(running), stock_message(id)]
            for channel in CHANNELS:
                for payload in payloads:
                    await stranger.execute("select pg_notify($1, $2)", channel, payload)
            await asyncio.sleep(0.05)
        await run.load.more(100)
        await stranger.close()
        await owner.close()
    run.verdict.require()
    assert not {str(id) for id in forged} & read_effects(effects).keys()


async def test_a_role_without_rights_sees_ids_only(service: Service, stranger_url: str) -> None:
    seen: list[tuple[str, str]] = []
    stranger = await asyncpg.connect(stranger_url)
    try:
        for channel in CHANNELS:
            await stranger.add_listener(channel, lambda *news: seen.append((news[2], news[3])))
        for actor, params in (
            ("echo", {"canary": "s3cr3t"}),
            ("burn", {"seconds": 0}),
            ("fail", {"message": "s3cr3t"}),
        ):
            assert (await service.client.post(f"/jobs/{actor}", json=params)).status_code == 200
        sleep = await service.client.post(
            "/jobs/sleep", json={"seconds": 30, "steps": 300}, headers={"Prefer": "wait=1"}
        )
        await service.client.post(f"/jobs/{sleep.json()['id']}/cancel")
        await service.client.post("/jobs/echo?delay=60", json={"canary": "s3cr3t"})
        await stranger.execute("select 1")
        for table in ("dramatiq.queue", "sooner.api_key", "sooner.worker", "sooner.upload"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await stranger.fetch(f"select * from {table}")
    finally:
        await stranger.close()
    assert {"dramatiq.default.enqueue", "sooner.changed", "sooner.cancel", "sooner.postponed"} <= {
        c for c, _ in seen
    }
    assert [payload for _, payload in seen if not IDS.fullmatch(payload)] == []
