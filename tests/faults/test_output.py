"""Output under faults: a reader that writes down all that it saw has each piece once and in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from tests.support.events import listening
from tests.support.jobs import fetch
from tests.support.keys import create_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from sooner.local.postgres import Cluster
    from tests.faults.conftest import Say
    from tests.support.processes import Processes

pytestmark = pytest.mark.slow

SPEAKERS = "tests.support.speakers"
JOBS, PIECES, PAUSE = 10, 300, 0.05
CUT = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = any($1)
"""


@pytest.fixture
def address(cluster_url: str) -> str:
    return cluster_url


@dataclass
class Reader:
    """Reads the output of one job, from one web process after another; `seen` is all it was told since the last reset."""

    job: str
    #: The addresses of the web processes: they change when a process is started anew.
    webs: Callable[[], Sequence[str]]
    headers: dict[str, str]
    seen: list[Any] = field(default_factory=list)
    repeated: int = 0
    resets: int = 0
    openings: int = 0
    state: str | None = None
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _last: int = 0

    async def read(self) -> None:
        """Read to the end, reloading now and then."""
        while self.state is None:
            try:
                await self._read_once()
            except (httpx.TransportError, TimeoutError):
                await asyncio.sleep(0.05)

    async def reached(self, count: int) -> None:
        """Wait until it has so many pieces."""
        async with self.news:
            await self.news.wait_for(lambda: len(self.seen) >= count or self.state is not None)

    async def _read_once(self) -> None:
        self.openings += 1
        headers = self.headers | {"Accept": "text/event-stream"}
        if self._last:
            headers["Last-Event-ID"] = str(self._last)
        async with (
            httpx.AsyncClient(base_url=random.choice(self.webs()), trust_env=False, timeout=20) as client,
            listening(client, f"/jobs/{self.job}/output", headers=headers) as (answer, events),
        ):
            if answer.status_code == 204:
                # It has all, and only missed the end.
                async with self.news:
                    self.state = "done"
                    self.news.notify_all()
            if answer.status_code != 200:
                await asyncio.sleep(0.2)
                return
            patience = random.randint(20, 120)
            async for event in events:
                async with self.news:
                    self._take(event.type, event.id, event.data)
                    self.news.notify_all()
                patience -= 1
                if not patience:
                    return

    def _take(self, kind: str, id: str | None, data: str) -> None:
        if kind == "reset":
            self.resets += 1
            self.seen.clear()
            self._last = 0
        elif kind == "output":
            self.repeated += int(id or 0) <= self._last
            self._last = int(id or 0)
            self.seen.append(json.loads(data))
        elif kind == "end":
            self.state = json.loads(data)["state"]


async def test_each_reader_sees_each_piece_once_and_in_order_whatever_happens(
    cluster_url: str, cluster: Cluster, processes: Processes, say: Say
) -> None:
    webs = [await processes.web(module=SPEAKERS) for _ in range(2)]
    worker = await processes.worker(module=SPEAKERS)
    key = {"Authorization": f"Bearer {await create_key(cluster_url)}"}
    async with httpx.AsyncClient(base_url=webs[0].url, headers=key, trust_env=False) as client:
        params = {"pieces": PIECES, "pause": PAUSE}
        answers = [
            await client.post("/jobs/count_up", json=params, headers={"Prefer": "respond-async"})
            for _ in range(JOBS)
        ]
    readers = [
        Reader(answer.json()["id"], lambda: [web.url for web in webs], key)
        for answer in answers
        for _ in range(2)
    ]
    reading = asyncio.gather(*(reader.read() for reader in readers))

    await seen(readers, 20)
    await cut(cluster_url, "sooner web listen", "sooner output")
    await seen(readers, 40)
    await webs[0].kill()
    webs[0] = await processes.web(module=SPEAKERS)
    await seen(readers, 60)
    await asyncio.to_thread(cluster.stop, immediate=True)
    await asyncio.to_thread(cluster.start)
    await seen(readers, 80)
    await worker.kill()
    worker = await processes.worker(module=SPEAKERS)
    await seen(readers, 40)
    await cut(cluster_url, "sooner web listen", "sooner output", "sooner read")
    async with asyncio.timeout(120):
        await reading

    expected = {answer.json()["id"]: await written(cluster_url, answer.json()["id"]) for answer in answers}
    lost = sum(reader.seen != expected[reader.job] for reader in readers)
    repeated = sum(reader.repeated for reader in readers)
    say(
        f"{len(readers)} readers of {JOBS} jobs opened {sum(reader.openings for reader in readers)} streams: "
        f"{sum(map(len, expected.values()))} pieces counted, {sum(len(reader.seen) for reader in readers)} seen, {repeated} repeated, "
        f"{lost} readers with other than all of them, {sum(reader.resets for reader in readers)} resets"
    )
    assert {reader.state for reader in readers} == {"done"}
    assert (repeated, lost) == (0, 0)
    assert all(reader.resets for reader in readers), "the worker's death began every output anew"
    assert all([number for _, number in pieces] == list(range(PIECES)) for pieces in expected.values())
    assert all(len({run for run, _ in pieces}) == 1 for pieces in expected.values())


async def seen(readers: Sequence[Reader], count: int) -> None:
    """Wait until every reader has so many pieces."""
    await asyncio.wait_for(asyncio.gather(*(reader.reached(count) for reader in readers)), 120)


async def cut(url: str, *names: str) -> None:
    """Terminate connections by their names."""
    connection = await asyncpg.connect(url)
    try:
        await connection.fetch(CUT, list(names))
    finally:
        await connection.close()


async def written(url: str, job: str) -> list[Any]:
    """The pieces that the table has."""
    rows = await fetch(url, "select piece from sooner.output where job = $1 order by number", job)
    return [json.loads(row["piece"]) for row in rows]
