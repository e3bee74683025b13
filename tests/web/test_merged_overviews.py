"""Operators' overviews over three shards, one of which stops and comes back."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import tenacity

from sooner.jobs.tenants.keys import REMEMBERED_SECONDS
from sooner.jobs.tenants.locator import locator
from tests.support.events import listening
from tests.support.jobs import fetch
from tests.support.keys import create_key
from tests.support.processes import PATIENCE
from tests.web.test_dashboard import told
from tests.web.test_metrics import samples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.conftest import Connect
    from tests.support.processes import Processes
    from tests.support.shards import Shards
    from tests.web.conftest import ThreeShards

SUBMIT = "select sooner.submit('echo', '{}') from generate_series(1, $1)"
PAUSED = "select paused from sooner.queue where name = 'default'"


@pytest.fixture
async def operator(three_shards: ThreeShards, processes: Processes, connect: Connect) -> httpx.AsyncClient:
    """A client with scope `admin` of a web process on all shards."""
    web = await processes.web(DATABASE_URLS=three_shards.setting)
    return connect(web, await three_shards.admin_key())


async def until(
    ask: Callable[[], Awaitable[httpx.Response]], fits: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The document of an answer, as soon as it fits. Raises tenacity.RetryError."""
    looking = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda seen: not fits(seen)),
        wait=tenacity.wait_fixed(0.05),
        stop=tenacity.stop_after_delay(PATIENCE),
    )

    async def look() -> dict[str, Any]:
        return dict((await ask()).json())

    return await looking(look)


def default(answer: dict[str, Any]) -> dict[str, Any]:
    """What a list of queues says of the queue `default`."""
    [found] = [queue for queue in answer["items"] if queue["name"] == "default"]
    return dict(found)


async def test_queues_are_added_up_and_one_that_stops_is_missing_until_it_is_back(
    three_shards: ThreeShards, operator: httpx.AsyncClient, processes: Processes
) -> None:
    for number, url in enumerate(three_shards.urls.values(), 1):
        await fetch(url, SUBMIT, number)
    await fetch(
        three_shards.urls["c"], "update dramatiq.queue set created_at = created_at - interval '1 hour'"
    )

    whole = (await operator.get("/queues")).json()
    three_shards.server_of_b.stop()
    without = await until(lambda: operator.get("/queues"), lambda seen: "missing" in seen)
    three_shards.server_of_b.start()
    await until(lambda: operator.get("/queues"), lambda seen: "missing" not in seen)
    await processes.worker(DATABASE_URL=three_shards.urls["b"])
    worked = await until(
        lambda: operator.get("/queues"), lambda seen: default(seen)["finished_per_minute"] == 2
    )

    names = [queue["name"] for queue in whole["items"]]
    assert names == sorted(set(names))
    oldest = default(whole).pop("oldest_waiting_seconds")
    assert 3600 <= oldest < 3700
    assert default(whole) | {"oldest_waiting_seconds": None} == {
        "name": "default",
        "waiting": 6,
        "due": 6,
        "processing": 0,
        "oldest_waiting_seconds": None,
        "finished_per_minute": 0,
        "paused": False,
        "workers": 0,
        "stranded": 6,
    }
    assert (without["missing"], without["next"], default(without)["waiting"]) == (["b"], None, 4)
    assert [default(worked)[number] for number in ("waiting", "workers", "stranded")] == [4, 1, 4]


async def test_a_pause_holds_on_every_shard_and_names_one_that_did_not_hear_of_it(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    async def paused(*names: str) -> list[bool]:
        return [row["paused"] for name in names for row in await fetch(three_shards.urls[name], PAUSED)]

    whole = await operator.post("/queues/default/pause")
    everywhere = await paused("a", "b", "c")
    three_shards.server_of_b.stop()
    resumed = await operator.post("/queues/default/resume")
    unknown = await operator.post("/queues/nosuch/pause")
    elsewhere = await paused("a", "c")
    three_shards.server_of_b.start()
    seen = await until(lambda: operator.get("/queues"), lambda seen: "missing" not in seen)
    again = await operator.post("/queues/default/resume")

    assert (whole.status_code, whole.json()["paused"], everywhere) == (200, True, [True] * 3)
    assert (resumed.status_code, elsewhere) == (503, [False] * 2)
    assert resumed.json()["detail"] == (
        "Queue 'default' is resumed on a and c. Shard b does not answer: repeat this request when that has ended."
    )
    assert int(resumed.headers["Retry-After"]) >= 1
    assert (unknown.status_code, "Shard b does not answer" in unknown.json()["detail"]) == (503, True)
    # Its jobs wait on b: that must not look as if nothing were paused.
    assert default(seen)["paused"] is True
    assert (again.status_code, again.json()["paused"], await paused("b")) == (200, False, [False])
    assert (await operator.post("/queues/nosuch/pause")).status_code == 404


async def test_a_queue_that_one_shard_alone_knows_is_paused_on_all(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    await fetch(three_shards.urls["c"], "insert into sooner.queue (name, paused) values ('rare', false)")

    answer = await operator.post("/queues/rare/pause")

    kept = "select paused from sooner.queue where name = 'rare'"
    assert (answer.status_code, answer.json()["paused"]) == (200, True)
    assert [[row["paused"] for row in await fetch(url, kept)] for url in three_shards.urls.values()] == [
        [True]
    ] * 3


async def test_a_shard_that_hangs_keeps_nobody_waiting(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    pid = three_shards.server_of_b.pid
    assert pid is not None
    server = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in server:
        process.send_signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await operator.get("/queues")
    finally:
        for process in server:
            process.send_signal(signal.SIGCONT)
    back = await until(lambda: operator.get("/queues"), lambda seen: "missing" not in seen)

    assert answer.json()["missing"] == ["b"]
    assert default(back)["waiting"] == 0


async def test_metrics_tell_the_shards_apart_and_which_is_away(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    for number, url in enumerate(three_shards.urls.values(), 1):
        await fetch(url, SUBMIT, number)

    whole = samples((await operator.get("/metrics")).text)
    three_shards.server_of_b.stop()
    without = (await operator.get("/metrics")).text

    # The values of the labels stand in the order of the labels' names.
    assert [whole["sooner_queue_due", "default", name] for name in "abc"] == [1, 2, 3]
    assert [whole["sooner_shard_up", name] for name in "abc"] == [1, 1, 1]
    assert [whole["sooner_leases_lost_total", name] for name in "abc"] == [0, 0, 0]
    assert [whole["sooner_table_bytes", name] > 0 for name in "abc"] == [True] * 3
    assert [whole["sooner_attempts_total", "echo", "done", name] for name in "abc"] == [0, 0, 0]
    assert [whole["sooner_attempt_duration_seconds_count", "echo", name] for name in "abc"] == [0, 0, 0]
    # A process tells of its own connections wherever they lead.
    of_b = [line for line in without.splitlines() if 'shard="b"' in line]
    assert [line for line in of_b if not line.startswith("sooner_pool_")] == [
        'sooner_shard_up{shard="b"} 0.0'
    ]
    assert samples(without)["sooner_queue_due", "default", "c"] == 3


async def test_the_metrics_of_a_first_shard_keep_their_labels_when_others_come(
    processes: Processes, connect: Connect, shards: Shards
) -> None:
    web = await processes.web(DATABASE_URLS=f"a={shards.home_url}")
    operator = connect(web, await shards.key("operators", "a", scopes=["admin"]))

    found = samples((await operator.get("/metrics")).text)

    assert (found["sooner_queue_due", "default", "a"], found["sooner_shard_up", "a"]) == (0, 1)


async def test_an_actors_stats_are_those_of_all_shards(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    # On c the attempts are ten times as long as on a.
    for name, scale in (("a", 1), ("c", 10)):
        await fetch(
            three_shards.urls[name],
            "insert into sooner.attempt_tally"
            " select 'sleep', 'done', $2, $2, sooner.at_most(0.5), sooner.at_most($1 * n - 0.001), 1, 0, n"
            " from generate_series(1, 50) as n",
            scale,
            an_hour_ago,
        )

    whole = (await operator.get("/actors/sleep/stats")).json()
    three_shards.server_of_b.stop()
    without = await until(lambda: operator.get("/actors/sleep/stats"), lambda seen: "missing" in seen)

    assert sum(step["done"] for step in whole["items"]) == 100
    assert [step["duration"]["p50"] for step in whole["items"]] == [47]
    assert 500 <= whole["items"][0]["duration"]["p99"] < 600
    assert without == {**whole, "missing": ["b"]}


async def test_the_history_adds_up_the_same_moments_of_all_shards(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    add = (
        "insert into sooner.sample (at, queue, waiting, processing, finished, oldest)"
        " select date_bin('1 minute', now(), 'epoch') - $1::int * interval '1 minute', 'mail', $2, 1, 2, $3"
    )
    await fetch(three_shards.urls["a"], add, 10, 3, 5.0)
    await fetch(three_shards.urls["b"], add, 10, 4, 50.0)
    await fetch(three_shards.urls["b"], add, 5, 1, None)

    whole = (await operator.get("/dashboard/history")).json()
    three_shards.server_of_b.stop()
    without = await until(lambda: operator.get("/dashboard/history"), lambda seen: "missing" in seen)

    assert [numbers for _, *numbers in whole["queues"]["mail"]] == [[7, 2, 4, 50], [1, 1, 2, None]]
    times = [datetime.fromtimestamp(at, UTC).minute for at, *_ in whole["queues"]["mail"]]
    assert (times[1] - times[0]) % 60 == 5
    assert (without["missing"], [numbers for _, *numbers in without["queues"]["mail"]]) == (
        ["b"],
        [[3, 1, 2, 5]],
    )


async def test_the_operators_page_is_told_of_all_shards_that_answer(
    three_shards: ThreeShards, operator: httpx.AsyncClient
) -> None:
    for number, url in enumerate(three_shards.urls.values(), 1):
        await fetch(url, SUBMIT, number)
    await fetch(three_shards.urls["c"], "insert into sooner.queue (name, paused) values ('default', true)")

    async with listening(operator, "/dashboard/events") as (_, events):
        whole = await told(events, "board")
        three_shards.server_of_b.stop()
        while not (without := await told(events, "board"))["missing"]:
            pass

    assert (whole["missing"], without["missing"]) == ([], ["b"])
    assert [board["states"]["counts"]["waiting"] for board in (whole, without)] == [6, 4]
    assert [default({"items": board["queues"]})["paused_on"] for board in (whole, without)] == [["c"]] * 2
    assert [(each["shard"], each["alive"]) for each in without["schedulers"]] == [("a", False), ("c", False)]


async def test_an_open_page_outlives_the_shard_of_its_operators_key(
    three_shards: ThreeShards, processes: Processes, connect: Connect
) -> None:
    home = three_shards.urls["b"]
    for name in three_shards.urls:
        await fetch(home, "insert into sooner_directory.shard (name) values ($1)", name)
    place = "insert into sooner_directory.tenant (locator, tenant, shard) values ($1, 'operators', 'b')"
    await fetch(home, place, locator("operators"))
    web = await processes.web(DATABASE_URLS=three_shards.setting, HOME_SHARD="b")
    operator = connect(web, await create_key(home, "operators", scopes=["admin"]))
    await fetch(three_shards.urls["a"], SUBMIT, 1)

    async with listening(operator, "/dashboard/events") as (_, events):
        await told(events, "board")
        three_shards.server_of_b.stop()
        while not (await told(events, "board"))["missing"]:
            pass
        # A board comes a second, for the oldest job waits longer in each: by then the key is no longer remembered.
        for _ in range(ceil(REMEMBERED_SECONDS) + 2):
            await told(events, "board")
        await fetch(three_shards.urls["c"], SUBMIT, 2)
        while (seen := await told(events, "board"))["states"]["counts"]["waiting"] != 3:
            pass

    assert seen["missing"] == ["b"]
