"""GET /metrics."""

from __future__ import annotations

import os
from asyncio import gather
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import tenacity
from prometheus_client.parser import text_string_to_metric_families

from tests.support.jobs import fetch, final, post, processing
from tests.support.processes import PATIENCE
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(
    operator: httpx.AsyncClient, complete: Callable[[dict[tuple[str, ...], float]], bool]
) -> dict[tuple[str, ...], float]:
    """A scrape's samples, as soon as they are complete. Raises tenacity.RetryError."""
    looking = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_result(lambda found: not complete(found)),
        wait=tenacity.wait_fixed(0.1),
        stop=tenacity.stop_after_delay(PATIENCE),
    )

    async def look() -> dict[tuple[str, ...], float]:
        return samples((await operator.get("/metrics")).text)

    return await looking(look)


async def test_metrics_tell_of_queues_table_and_requests(
    service: Service, connect: Connect, api_key: MakeKey
) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    await service.client.post("/jobs/echo", json={})
    await service.client.post("/jobs/echo?delay=60", json={})
    await service.client.get("/jobs/no-such-id")

    answer = await operator.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = samples(answer.text)
    assert found["sooner_queue_waiting", "default"] == 1
    assert found["sooner_queue_due", "default"] == 0
    assert found["sooner_queue_finished_per_minute", "default"] == 1
    assert found["sooner_queue_workers", "default"] == 1
    assert found["sooner_notification_queue_usage_ratio",] < 1
    assert ("sooner_dead_tuples",) in found
    assert found["sooner_http_request_duration_seconds_count", "POST", "/jobs/{actor}", "200"] == 1
    assert found["sooner_http_request_duration_seconds_count", "POST", "/jobs/{actor}", "202"] == 1
    assert found["sooner_http_request_duration_seconds_count", "GET", "/jobs/{id}", "404"] == 1


async def test_metrics_are_the_operators(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    web = await processes.web()

    assert (await connect(web).get("/metrics")).status_code == 401
    assert (await connect(web, await api_key()).get("/metrics")).status_code == 403


async def test_every_web_process_answers_for_all_where_they_share_a_folder(
    processes: Processes, connect: Connect, api_key: MakeKey, tmp_path: Path
) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    webs = [await processes.web(PROMETHEUS_MULTIPROC_DIR=str(folder)) for _ in range(2)]
    key = await api_key("operators", scopes=["admin"])
    for web in webs:
        await connect(web, key).get("/queues")
    operator = connect(webs[0], key)

    found = await scraped(operator, lambda found: found["sooner_event_loop_lag_seconds_count",] >= 3)

    assert found["sooner_http_request_duration_seconds_count", "GET", "/queues", "200"] == 2
    assert found["sooner_pool_open", "primary"] >= 2
    open_files = {path.name for path in folder.glob("gauge_livesum_*")}
    await webs[1].kill()
    found = samples((await operator.get("/metrics")).text)
    # What a dead process has counted stays, its connections are gone.
    assert found["sooner_http_request_duration_seconds_count", "GET", "/queues", "200"] == 2
    assert len(open_files) - len(list(folder.glob("gauge_livesum_*"))) == 1


async def test_a_web_process_measures_its_loop_its_pool_and_its_notifications(
    service: Service, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    is_direct = os.environ.get("SOONER_TEST_POOLER") != "1"
    await fetch(
        database_url,
        "insert into sooner.worker (id, name, queues, tasks, threads, expires_at)"
        " values ($1, 'dead', '{}', 1, 1, now() - interval '1 hour')",
        uuid4(),
    )

    found = await scraped(
        operator,
        lambda found: (
            found["sooner_event_loop_lag_seconds_count",] > 0
            and found["sooner_leases_lost_total",] > 0
            and (found["sooner_notification_lag_seconds_count",] > 0 or not is_direct)
        ),
    )

    assert found["sooner_leases_lost_total",] == 1
    assert found["sooner_event_loop_lag_seconds_sum",] < PATIENCE
    assert found["sooner_notification_lag_seconds_sum",] < PATIENCE
    assert 1 <= found["sooner_pool_open", "primary"] <= 5
    assert found["sooner_pool_in_use", "primary"] <= found["sooner_pool_open", "primary"]
    assert ("sooner_pool_waiting", "primary") in found
    assert ("sooner_pool_open", "replica") not in found


def attempts(found: dict[tuple[str, ...], float], actor: str) -> dict[str, float]:
    """An actor's attempts by outcome, without those that it has none of."""
    return {
        key[2]: count for key, count in found.items() if key[:2] == ("sooner_attempts_total", actor) and count
    }


async def test_attempts_are_counted_by_actor_whichever_worker_ends_them_or_dies(
    service: Service, processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    client = service.client
    nothing = samples((await operator.get("/metrics")).text)
    await service.worker.terminate()
    short = await processes.worker(LEASE_SECONDS="2")
    for _ in range(3):
        await post(client, "echo", prefer="wait=20")
    asleep = await post(client, "sleep", "respond-async", seconds=600)
    await processing(client, asleep["id"])
    running = (await operator.get("/actors/sleep/stats")).json()["items"]
    await short.kill()
    at_death = samples((await operator.get("/metrics")).text)
    await processes.worker(LEASE_SECONDS="2")
    other = await processes.worker(LEASE_SECONDS="2")
    db = await asyncpg.connect(database_url)
    # The dead worker's attempt is processing, too, until its lease is over. The next one is cancelled once it is no short one.
    again = (
        "select state = 'consumed' and crashes = 1 and clock_timestamp() - started_at > interval '0.5 seconds' "
        "from dramatiq.queue where message_id = $1"
    )
    await until(db, again, UUID(asleep["id"]))
    await client.post(f"/jobs/{asleep['id']}/cancel")
    await final(client, asleep["id"])
    await gather(*(post(client, "sleep", prefer="wait=20", seconds=0.3) for _ in range(4)))
    failed = await post(client, "fail", prefer="wait=20", times=1)
    await client.post(f"/jobs/{failed['id']}/retry")
    await final(client, failed["id"])
    before = samples((await operator.get("/metrics")).text)
    await other.terminate()
    await post(client, "echo", prefer="wait=20")
    await until(db, "select sum(attempts) = 12 from sooner.attempt_total where measure = 'begun'")
    await db.close()
    after = samples((await operator.get("/metrics")).text)

    assert nothing["sooner_attempts_total", "echo", "done"] == 0
    assert [(step["begun"], step["done"]) for step in running] == [(1, 0)]
    assert attempts(at_death, "echo") == {"done": 3}
    assert attempts(before, "sleep") == {"lost": 1, "cancelled": 1, "done": 4}
    assert attempts(before, "fail") == {"error": 1, "done": 1}
    # Each attempt has a duration, each job one wait.
    assert before["sooner_attempt_duration_seconds_count", "sleep"] == 6
    assert before["sooner_attempt_waiting_seconds_count", "sleep"] == 5
    assert before["sooner_attempt_duration_seconds_bucket", "sleep", "0.2"] == 0
    assert before["sooner_attempt_duration_seconds_bucket", "sleep", "+Inf"] == 6
    assert before["sooner_attempt_duration_seconds_sum", "sleep"] > 1.2
    counted = {key for key in before if key[0].startswith("sooner_attempt")}
    assert attempts(after, "echo") == {"done": 4}
    assert all(after[key] >= before[key] for key in counted)


async def test_an_actors_stats_tell_of_each_five_minutes(
    service: Service, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    await post(service.client, "sleep", prefer="wait=20", seconds=0.25)
    await fetch(
        database_url,
        "insert into sooner.attempt_tally select 'sleep', outcome, at, at, sooner.at_most(0.012 * n), sooner.at_most(n - 0.001), 1, 0, n"
        " from generate_series(1, 100) as n, (values ('done'), ('error')) as outcomes (outcome),"
        " (values (now() - interval '2 hours'), (now() - interval '5 hours')) as times (at)",
    )

    answer = await operator.get("/actors/sleep/stats?hours=3")
    longer = (await operator.get("/actors/sleep/stats")).json()["items"]

    assert answer.json()["next"] is None
    earlier, now = answer.json()["items"][0], answer.json()["items"][-1]
    assert datetime.fromisoformat(now.pop("at")).minute % 5 == 0
    assert 0.25 <= now.pop("duration")["p50"] < 1
    assert now.pop("waiting")["p99"] < 5
    assert now == {"begun": 1, "done": 1, "error": 0, "cancelled": 0, "interrupted": 0, "lost": 0}
    assert (earlier["begun"], earlier["done"], earlier["error"]) == (200, 100, 100)
    # Rounded up by a sixth at most.
    assert earlier["duration"] == {"p50": 50, "p95": 100, "p99": 100}
    assert earlier["waiting"] == {"p50": 0.62, "p95": 1.2, "p99": 1.2}
    assert sum(step["begun"] for step in longer) == 401
    assert [(await operator.get(f"/actors/{path}")).status_code for path in (
        "sleep/stats?hours=0", "sleep/stats?hours=169", "sleep/stats?hours=1.5", "sleep/stats?days=1", "nobody/stats",
    )] == [422, 422, 422, 422, 404]  # fmt: skip
    assert (await service.client.get("/actors/sleep/stats")).status_code == 403
    assert (await operator.get("/actors/echo/stats")).json() == {"items": [], "next": None}
