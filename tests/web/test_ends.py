"""How a web process ends: who waits is answered at once, nothing is lost."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.jobs import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Process, Processes


def once(web: Process) -> None:
    web.send(signal.SIGTERM)


def twice(web: Process) -> None:
    once(web)
    once(web)


def group(web: Process) -> None:
    web.send_group(signal.SIGTERM)


def group_twice(web: Process) -> None:
    group(web)
    group(web)


@pytest.mark.parametrize("ask", [once, twice, group, group_twice])
async def test_who_waits_gets_a_202_at_once(ask: Callable[[Process], None], service: Service) -> None:
    exchange = asyncio.create_task(
        service.client.post("/jobs/sleep", json={"seconds": 600}, headers={"Prefer": "wait=25"})
    )
    [row] = await held(service.database_url)

    ask(service.web)
    answer = await exchange

    assert answer.status_code == 202
    assert answer.json()["id"] == str(row["message_id"])
    assert answer.headers["Location"].startswith(f"/jobs/{row['message_id']}?access=")
    # uvicorn ends by the signal that ended it.
    assert await service.web.exit() == -signal.SIGTERM
    assert [row["state"] for row in await held(service.database_url)] == ["consumed"]


async def test_a_long_poll_is_answered_at_once(service: Service) -> None:
    job = (await service.client.post("/jobs/sleep?delay=3600", json={"seconds": 600})).json()
    exchange = asyncio.create_task(service.client.get(f"/jobs/{job['id']}", headers={"Prefer": "wait=25"}))
    await asyncio.sleep(0.5)

    service.web.send(signal.SIGTERM)

    assert (await exchange).json()["state"] == "waiting"
    assert await service.web.exit() == -signal.SIGTERM


async def test_several_web_processes_end_together(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(WEB_CONCURRENCY="2")
    exchange = asyncio.create_task(
        connect(web, await api_key()).post("/jobs/sleep", json={"seconds": 1}, headers={"Prefer": "wait=25"})
    )
    await asyncio.sleep(0.5)

    web.send_group(signal.SIGTERM)

    assert (await exchange).status_code == 202
    assert await web.exit() == 0


@pytest.mark.parametrize("count", ["1", "2"])
async def test_wrong_settings_are_all_named_and_end_it(count: str, processes: Processes) -> None:
    wrong: dict[str, Any] = {
        "PORT": "http",
        "LINK_SIGNING_KEY": "short",
        "SYNC_WAIT_SECONDS": "soon",
        "CORS_ALLOW_ORIGINS": "https://app.example/path",
        "ACTORS": "no_such_package",
    }
    web = await processes.web(ready=False, WEB_CONCURRENCY=count, **wrong)

    assert await web.exit() == 78
    assert {line.partition(":")[0] for line in web.lines} == {*wrong}


async def held(database_url: str) -> list[asyncpg.Record]:
    """The jobs that a worker holds, once there is one."""
    return await rows(database_url, "select * from dramatiq.queue where state = 'consumed'")
