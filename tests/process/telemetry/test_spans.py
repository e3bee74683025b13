"""Spans as a collector gets them, and what it costs where there is none."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sooner.process.settings.common import CommonSettings
from tests.support.collector import Collector, collecting, relaying
from tests.support.endpoint import listening
from tests.support.jobs import fetch, final, post, processing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
ACTORS = "tests.support.actors"
CALLERS = "tests.support.callers"
SECRET = "canary-5a1f"
IMPORTED = re.compile(r"^import time: +\d+ \| +\d+ \| +(?P<module>\S+)$")


@pytest.fixture
def collector() -> Iterator[Collector]:
    """See `Collector`."""
    with collecting() as collector:
        yield collector


async def test_one_trace_leads_through_web_and_worker_and_is_sent_at_the_latest_at_the_end(
    processes: Processes, collector: Collector, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    settled = collector.settings(OTEL_BSP_SCHEDULE_DELAY="600000")
    web, worker = await processes.web(**settled), await processes.worker(**settled)
    client = connect(web, await api_key())

    jobs = [
        (await client.post(f"/jobs/{actor}", json=params, headers={"traceparent": TRACEPARENT})).json()
        for actor, params in (("echo", {"a": 1}), ("burn", {"seconds": 0}))
    ]
    await client.get(jobs[0]["urls"]["self"])
    await client.get("/nowhere/at/all")
    codes = await asyncio.gather(web.terminate(), worker.terminate())

    requests = await asyncio.to_thread(collector.spans, "POST /jobs/{actor}", 2)
    for job, request in zip(jobs, requests, strict=True):
        [attempt] = await asyncio.to_thread(collector.spans, f"process {job['actor']}")
        stored = await fetch(
            database_url, "select traceparent from dramatiq.queue where message_id = $1", job["id"]
        )
        assert (request.service, request.kind, request.trace, request.parent) == (
            "sooner-web",
            "SERVER",
            TRACE,
            PARENT,
        )
        assert request.attributes == {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "http.route": "/jobs/{actor}",
            "url.path": f"/jobs/{job['actor']}",
            "url.scheme": "http",
        }
        assert stored[0]["traceparent"] == f"00-{TRACE}-{request.id}-01"
        assert (attempt.service, attempt.kind, attempt.trace, attempt.parent) == (
            "sooner-worker",
            "CONSUMER",
            TRACE,
            request.id,
        )
        assert attempt.attributes == {
            "messaging.system": "sooner",
            "messaging.operation.type": "process",
            "messaging.operation.name": "process",
            "messaging.destination.name": "default",
            "messaging.message.id": job["id"],
            "sooner.actor": job["actor"],
            "sooner.attempt": 1,
            "sooner.outcome": "done",
        }
    assert collector.spans("GET /jobs/{id}")[0].attributes["url.path"] == f"/jobs/{jobs[0]['id']}"
    assert collector.spans("GET")[0].attributes["http.response.status_code"] == 404
    # What signs a job's address is a capability.
    assert not any(b"access=" in body for body in collector.bodies)
    assert codes[1] == 0


async def test_one_trace_leads_from_a_browsers_request_through_a_released_collector_to_the_webhooks(
    processes: Processes, collector: Collector, connect: Connect, api_key: MakeKey
) -> None:
    async with relaying(collector) as released:
        await _from_request_to_webhooks(processes, released, connect, api_key)


async def _from_request_to_webhooks(
    processes: Processes, collector: Collector, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=CALLERS, **collector.settings())
    await processes.worker(module=CALLERS, ALLOW_PRIVATE_NETWORK="1", **collector.settings())
    client = connect(web, await api_key())
    async with listening() as endpoint:
        hook = {"url": endpoint.url, "events": ["job.done"]}
        (await client.post("/webhooks", json=hook)).raise_for_status()

        await client.post("/jobs/add_up", json={"number": 1}, headers={"traceparent": TRACEPARENT})

        # The job and those that it submits: add_up, which submits none, and double.
        received = await endpoint.requests(3)
    [request] = await asyncio.to_thread(collector.spans, "POST /jobs/{actor}")
    both = await asyncio.to_thread(collector.spans, "process add_up", 2)
    parent, child = sorted(both, key=lambda span: span.parent != request.id)
    [double] = await asyncio.to_thread(collector.spans, "process double")
    deliveries = await asyncio.to_thread(collector.spans, "process deliver_webhook", 3)
    assert {span.trace for span in (request, parent, child, double, *deliveries)} == {TRACE}
    assert request.parent == PARENT
    assert parent.parent == request.id
    assert {child.parent, double.parent} == {parent.id}
    # Like an attempt, a delivery hangs on what submitted its job; what it sends hangs on the delivery.
    assert sorted(span.parent for span in deliveries) == sorted((request.id, parent.id, parent.id))
    assert {each.headers["traceparent"] for each in received} == {
        f"00-{TRACE}-{span.id}-01" for span in deliveries
    }


async def test_a_request_without_a_trace_begins_one_and_one_that_is_not_sampled_is_not_sent(
    processes: Processes, collector: Collector, connect: Connect
) -> None:
    client = connect(await processes.web(**collector.settings()))
    await client.get("/livez", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    await client.get("/livez", headers={"traceparent": "nonsense"})

    [span] = await asyncio.to_thread(collector.spans, "GET /livez")

    assert span.trace != TRACE
    assert span.parent == ""


async def test_attempts_tell_how_they_ended_and_no_secret(
    processes: Processes, collector: Collector, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    await processes.worker(module=ACTORS, **collector.settings())
    client = connect(web, await api_key())

    await final(client, (await post(client, "flaky", times=1))["id"])
    failed = await client.post("/jobs/use_secret", json={"way": "raise", "token": SECRET})
    running = await processing(client, (await post(client, "sleep", seconds=60))["id"])
    await client.post(running["urls"]["cancel"])

    attempts = await asyncio.to_thread(collector.spans, "process flaky", 2)
    [error] = await asyncio.to_thread(collector.spans, "process use_secret")
    [cancelled] = await asyncio.to_thread(collector.spans, "process sleep")
    assert failed.json()["state"] == "error"
    assert [span.attributes["sooner.outcome"] for span in attempts] == ["waiting", "done"]
    assert [span.attributes["sooner.attempt"] for span in attempts] == [1, 2]
    assert [span.failed for span in attempts] == [True, False]
    assert (cancelled.attributes["sooner.outcome"], cancelled.failed) == ("cancelled", False)
    assert error.failed
    assert error.attributes["sooner.outcome"] == "error"
    assert error.attributes["error.type"] == "ValueError"
    assert not any(SECRET.encode() in body for body in collector.bodies)


@pytest.mark.parametrize("deaf", [True, False], ids=["hangs", "is not there"])
async def test_a_collector_that_is_dead_harms_nothing(
    processes: Processes, connect: Connect, api_key: MakeKey, *, deaf: bool
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if deaf:
            listening.listen()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settled: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "600",
            "OTEL_BSP_SCHEDULE_DELAY": "20",
            "OTEL_BSP_MAX_QUEUE_SIZE": "2",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
        }
        web, worker = await processes.web(**settled), await processes.worker(**settled)
        scheduler = await processes.scheduler(**settled)
        client = connect(web, await api_key())

        answers = [await client.post("/jobs/echo", json={"n": n}) for n in range(10)]
        # The library by itself would wait for half a minute.
        codes = await asyncio.gather(*(each.terminate(timeout=20) for each in (web, worker, scheduler)))

    assert [answer.json()["result"] for answer in answers] == [{"n": n} for n in range(10)]
    assert codes[1:] == [0, 0]


async def test_off_it_is_not_even_imported(
    processes: Processes, collector: Collector, connect: Connect, api_key: MakeKey
) -> None:
    telling = {"PYTHONPROFILEIMPORTTIME": "1"}
    off, on = telling | {"OTEL_SDK_DISABLED": "true"} | collector.settings(), telling | collector.settings()
    client = connect(await processes.web(**off), await api_key())
    await processes.worker(**off)
    await processes.scheduler(**off)
    await client.post("/jobs/echo", json={})
    without = list(processes.started)
    await processes.worker(**on)

    imported = [
        {match["module"].partition(".")[0] for line in process.lines if (match := IMPORTED.match(line))}
        for process in processes.started
    ]

    assert all("src" in modules for modules in imported)
    assert ["opentelemetry" in modules for modules in imported] == [False] * len(without) + [True]


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c/x/"}, "http://c/x/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/all"}, "https://c/all"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, None),
    ],
)
def test_where_spans_go(
    variables: dict[str, str], endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/sooner")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert CommonSettings().traces_endpoint == endpoint


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL: "),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "OTEL_EXPORTER_OTLP_ENDPOINT: "),
        ({"OTEL_EXPORTER_OTLP_HEADERS": SECRET}, "OTEL_EXPORTER_OTLP_HEADERS: "),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:99999"}, "OTEL_EXPORTER_OTLP_ENDPOINT: "),
        ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many"}, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT "),
    ],
    ids=["protocol", "endpoint", "headers", "queue", "port", "limit"],
)
async def test_a_wrong_setting_is_named(processes: Processes, wrong: dict[str, str], named: str) -> None:
    settled: dict[str, Any] = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"} | wrong
    worker = await processes.worker(ready=False, **settled)
    assert await worker.exit() == 78
    assert named in worker.output
    assert SECRET not in worker.output
