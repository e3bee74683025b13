"""GET /metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from uuid import uuid4

import tenacity
from prometheus_client.parser import text_string_to_metric_families

from tests.support.jobs import fetch
from tests.support.processes import PATIENCE

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
