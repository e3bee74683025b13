"""Lists, queues and the dashboard are read from a real standby; from the primary while that is away or behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass, replace
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

#: How often statements have read the table of jobs, on the server that is asked.
READ = "select seq_scan + idx_scan from pg_stat_all_tables where relid = 'dramatiq.queue'::regclass"
SEEN = "select count(*) from pg_stat_activity where application_name = 'sooner web replica'"


@pytest.fixture
def address(cluster_url: str) -> str:
    return cluster_url


@dataclass
class Pair:
    """A web process on a primary and its standby."""

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

    async def hold(self) -> None:
        """Stop the standby's replay: jobs that come later are the primary's alone."""
        await self.ask_standby("select pg_wal_replay_pause()")
        await self.until_standby("select pg_get_wal_replay_pause_state() = 'paused'")
        self.later = await self.post()

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
async def pair(standby: Cluster, processes: Processes, connect: Connect, api_key: MakeKey) -> Pair:
    """One job that both know."""
    web = await processes.web(DATABASE_REPLICA_URL=standby.url("sooner"))
    operator = connect(web, await api_key("operators", scopes=["admin", "jobs"]))
    pair = Pair(web, operator, standby, "", "")
    pair.earlier = await pair.post()
    return pair


async def test_lists_queues_and_dashboard_are_the_standbys(pair: Pair) -> None:
    assert await pair.listed() == [pair.earlier]
    for ask in (pair.listed, pair.glanced, pair.waiting):
        read = await pair.ask_standby(READ)
        async with asyncio.timeout(PATIENCE):
            # A session reports its reading within seconds.
            while await pair.ask_standby(READ) == read:
                await ask()


async def test_a_list_has_what_was_accepted_though_the_standby_is_behind(
    pair: Pair, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    other = await processes.web(DATABASE_REPLICA_URL=pair.standby.url("sooner"))
    elsewhere = connect(other, await api_key("operators", scopes=["admin", "jobs"]))
    assert await pair.listed() == [pair.earlier]
    await pair.hold()

    assert await pair.listed() == [pair.later, pair.earlier]
    assert await pair.waiting() == 2
    assert await pair.glanced() == [pair.later, pair.earlier]
    assert [job["id"] for job in (await elsewhere.get("/jobs")).json()["items"]] == [pair.later, pair.earlier]
    async with pair.dashboard() as events:
        assert (await first(events, "jobs"))["new"] == 2
        board = await first(events, "board")
        assert [queue["waiting"] for queue in board["queues"]] == [2]


async def test_a_standby_that_catches_up_in_time_is_waited_for(pair: Pair) -> None:
    assert await pair.listed() == [pair.earlier]
    await pair.hold()
    resume = asyncio.create_task(pair.ask_standby("select pg_wal_replay_resume()"))
    assert await pair.listed() == [pair.later, pair.earlier]
    await resume
    read = await pair.ask_standby(READ)
    async with asyncio.timeout(PATIENCE):
        while await pair.ask_standby(READ) == read:
            assert await pair.listed() == [pair.later, pair.earlier]


async def test_the_standby_answers_while_the_primary_is_away(pair: Pair, cluster: Cluster) -> None:
    assert await pair.listed() == [pair.earlier]

    await asyncio.to_thread(cluster.stop)

    assert await pair.listed() == [pair.earlier]


async def test_the_primary_answers_while_the_standby_is_away(pair: Pair) -> None:
    async with pair.dashboard() as events:
        assert (await first(events, "jobs"))["new"] == 1

        await asyncio.to_thread(pair.standby.stop, immediate=True)
        pair.later = await pair.post()

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
    pair.later = await pair.post()

    async with asyncio.timeout(PATIENCE):
        assert await pair.listed() == [pair.later, pair.earlier]
        assert await pair.waiting() == 2


@pytest.fixture
async def movable(
    cluster: Cluster,
    standby: Cluster,
    cluster_url: str,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
) -> Pair:
    """Both addresses name both hosts: the one asks for a server that takes writes, the other for one that follows."""
    key = await api_key("operators", scopes=["admin", "jobs"])
    credentials = cluster_url.partition("@")[0]
    hosts = f"{credentials}@127.0.0.1:{cluster.port},127.0.0.1:{standby.port}/sooner?target_session_attrs="
    web = await processes.web(
        DATABASE_URL=f"{hosts}read-write", DATABASE_REPLICA_URL=f"{hosts}prefer-standby"
    )
    return Pair(web, connect(web, key), standby, "", "")


def demote(former: Cluster, primary: Cluster) -> None:
    """Start a stopped primary as a standby of another."""
    (former.data / "standby.signal").touch()
    former._own(former.data / "standby.signal")
    with (former.data / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = '{primary.url()}'\n")
    former.start()


async def test_both_follow_a_promotion_and_a_demotion(movable: Pair, cluster: Cluster) -> None:
    pair = movable
    pair.earlier = await pair.post()
    assert await pair.listed() == [pair.earlier]

    await asyncio.to_thread(cluster.stop)
    await pair.ask_standby("select pg_promote()")
    async with asyncio.timeout(PATIENCE):
        while (answer := await pair.operator.post("/jobs/echo?delay=600", json={})).status_code == 503:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)
    pair.later = answer.json()["id"]
    assert await pair.listed() == [pair.later, pair.earlier]

    await asyncio.to_thread(demote, cluster, pair.standby)
    follower = replace(pair, standby=cluster)
    # Lists come from the former primary now.
    read = await follower.ask_standby(READ)
    async with asyncio.timeout(PATIENCE):
        while await follower.ask_standby(READ) == read:
            assert await pair.listed() == [pair.later, pair.earlier]
            await asyncio.sleep(0.1)
    newest = await pair.post()
    assert await pair.listed() == [newest, pair.later, pair.earlier]
