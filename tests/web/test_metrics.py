"""GET /metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


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

    found = samples((await connect(webs[0], key).get("/metrics")).text)

    assert found["sooner_http_request_duration_seconds_count", "GET", "/queues", "200"] == 2
