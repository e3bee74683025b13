"""Lists, queues and the dashboard are read from a real standby; from the primary while that is away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil
import pytest

from tests.support.events import listening
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx

    from sooner.local.postgres import Cluster
    from tests.conftest import Connect, MakeKey
    from tests.support.events import Event
    from tests.support.processes import Processes, Web

pytestmark = pytest.mark.slow

SEEN = "select count(*) from pg_stat_activity where application_name = 'sooner web replica'"


@pytest.fixture
def address(cluster_url: str) -> str:
    return cluster_url


@dataclass
class Pair:
    """A web process on a primary and its standby, whose replay a test holds: what comes later is the primary's alone."""

    web: Web
    operator: httpx.AsyncClient
    standby: Cluster
    earlier: str
    later: str

    async def ask_standby(self, query: str) -> Any:
        """One value from the standby."""
        connection = await asyncpg.connect(self.standby.url("sooner"))
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def until_standby(self, query: str) -> None:
        """Wait until the standby says yes. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while not await self.ask_standby(query):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)

    async def post(self) -> str:
        """The id of a job that waits."""
        answer = await self.operator.post("/jobs/echo?delay=600", json={})
        assert answer.status_code == 202
        return str(answer.json()["id"])

    async def listed(self) -> list[str]:
        """Ids of the list of jobs."""
        return [job["id"] for job in (await self.operator.get("/jobs")).json()["items"]]

    async def glanced(self) -> list[str]:
        """The ids in the dashboard's list."""
        return [job["id"] for job in (await self.operator.get("/dashboard/jobs")).json()["items"]]

    async def waiting(self) -> int:
        """How many jobs wait, as the queues say."""
        [queue] = (await self.operator.get("/queues")).json()["items"]
        return int(queue["waiting"])

    @contextlib.asynccontextmanager
    async def dashboard(self) -> AsyncIterator[AsyncIterator[Event]]:
        """The dashboard's stream, which counts what is new in an empty list."""
        async with listening(self.operator, "/dashboard/events?view=jobs") as (answer, events):
            assert answer.status_code == 200
            yield events


async def first(events: AsyncIterator[Event], type: str) -> Any:
    """What the next event of a type says. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            assert event.type in {"jobs", "board", "comment"}, event
            if event.type == type:
                return event.job
    raise AssertionError("the stream ended")


@pytest.fixture
async def pair(
    cluster_url: str, standby: Cluster, processes: Processes, connect: Connect, api_key: MakeKey
) -> Pair:
    """One job that both know, one that only the primary knows."""
    web = await processes.web(DATABASE_REPLICA_URL=standby.url("sooner"))
    operator = connect(web, await api_key("operators", scopes=["admin", "jobs"]))
    pair = Pair(web, operator, standby, "", "")
    pair.earlier = await pair.post()
    await pair.until_standby(
        f"select exists (select from dramatiq.queue where message_id = '{pair.earlier}')"
    )
    await pair.ask_standby("select pg_wal_replay_pause()")
    await pair.until_standby("select pg_get_wal_replay_pause_state() = 'paused'")
    pair.later = await pair.post()
    return pair


async def test_lists_queues_and_dashboard_are_the_standbys(pair: Pair) -> None:
    assert await pair.listed() == [pair.earlier]
    assert await pair.waiting() == 1
    async with pair.dashboard() as events:
        assert (await first(events, "jobs"))["new"] == 1
        assert await pair.glanced() == [pair.earlier]
        board = await first(events, "board")
        assert [queue["waiting"] for queue in board["queues"]] == [1]
        assert board["states"]["counts"]["waiting"] == 1
        # A document is the primary's: what was accepted is there.
        assert (await pair.operator.get(f"/jobs/{pair.later}")).status_code == 200

        await pair.ask_standby("select pg_wal_replay_resume()")

        assert (await first(events, "jobs"))["new"] == 2
        assert await pair.glanced() == [pair.later, pair.earlier]


async def test_the_primary_answers_while_the_standby_is_away(pair: Pair) -> None:
    async with pair.dashboard() as events:
        assert (await first(events, "jobs"))["new"] == 1

        await asyncio.to_thread(pair.standby.stop, immediate=True)

        # The stream goes on, and says no word of it.
        assert (await first(events, "jobs"))["new"] == 2
    assert await pair.listed() == [pair.later, pair.earlier]
    assert await pair.waiting() == 2
    await pair.web.line("replica away: reading from the primary")

    await asyncio.to_thread(pair.standby.start)

    async with pair.dashboard():
        await pair.until_standby(SEEN)


@pytest.fixture
def frozen(standby: Cluster) -> Iterator[contextlib.ExitStack]:
    """What is entered here is undone before the standby is stopped."""
    with contextlib.ExitStack() as stack:
        yield stack


async def test_a_standby_that_hangs_is_away(pair: Pair, frozen: contextlib.ExitStack) -> None:
    assert await pair.listed() == [pair.earlier]
    assert pair.standby.pid is not None
    master = psutil.Process(pair.standby.pid)
    for process in (master, *master.children()):
        process.send_signal(signal.SIGSTOP)
        frozen.callback(process.send_signal, signal.SIGCONT)

    async with asyncio.timeout(PATIENCE):
        assert await pair.listed() == [pair.later, pair.earlier]
        assert await pair.waiting() == 2
