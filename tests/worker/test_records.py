"""A worker writes one line an attempt, and every line that its actors make it write is JSON, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.jobs import final, post, processing

if TYPE_CHECKING:
    import httpx

    from tests.support.processes import Process, Processes

ACTORS = "tests.support.sayings"


def records(worker: Process) -> list[dict[str, Any]]:
    """Its lines about attempts."""
    lines = [json.loads(line) for line in worker.lines]
    return [line for line in lines if line.get("event") == "attempt"]


async def test_each_attempt_is_a_line_and_a_failure_a_warning_with_its_traceback(
    processes: Processes, client: httpx.AsyncClient, service: Any
) -> None:
    await service.worker.terminate()
    web = await processes.web(module=ACTORS)
    client.base_url = web.url
    worker = await processes.worker(module=ACTORS, SHUTDOWN_TIMEOUT_SECONDS="1")
    done = (await client.post("/jobs/echo", json={}, headers={"X-Request-ID": "mine"})).json()
    for actor in ("unexpected", "unexpected_on_thread"):
        await final(client, (await post(client, actor))["id"])
    retried = await final(client, (await post(client, "flaky", times=1))["id"])
    asleep = await post(client, "sleep", "respond-async", seconds=60)
    await processing(client, asleep["id"])
    await client.post(f"/jobs/{asleep['id']}/cancel")
    await final(client, asleep["id"])
    for actor in ("prints", "finalizes"):
        await final(client, (await post(client, actor))["id"])
    given_back = await post(client, "sleep", "respond-async", seconds=60)
    await processing(client, given_back["id"])
    worker_lines = await _ended(worker)

    first = records(worker)[0]
    assert isinstance(first.pop("ms"), float)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "process": "worker", "event": "attempt", "level": "info", "logger": "sooner.worker", "actor": "echo", "attempt": 1, "outcome": "done",
        "again": False, "job": done["id"], "request_id": "mine", "tenant": "acme",
    }  # fmt: skip
    assert [
        (each["actor"], each["outcome"], each["again"], each["level"], each["attempt"])
        for each in records(worker)[1:]
    ] == [
        ("unexpected", "error", False, "warning", 1),
        ("unexpected_on_thread", "error", False, "warning", 1),
        ("flaky", "error", True, "warning", 1),
        ("flaky", "done", False, "info", 2),
        ("sleep", "cancelled", False, "info", 1),
        ("prints", "done", False, "info", 1),
        ("finalizes", "done", False, "info", 1),
        ("sleep", "interrupted", True, "info", 1),
    ]
    assert retried["attempts"] == 2
    loop, thread = records(worker)[1:3]
    for told in (loop, thread):
        assert told["exception"].startswith("Traceback (most recent call last)")
        assert told["exception"].endswith("LookupError: what the tenant is not to read")
    # Nothing but the record tells of the failure.
    assert sum("what the tenant is not to read" in line for line in worker_lines) == 2
    printed = [line for line in map(json.loads, worker_lines) if line["logger"] == "print"]
    assert [line["event"] for line in printed] == ["one", "two {'three': 3}", "four"]
    assert [line["actor"] for line in printed] == ["prints", "prints", "finalizes"]
    assert any("in a finalizer" in line for line in worker_lines)


async def _ended(worker: Process) -> list[str]:
    """What a worker wrote until its end, which gave back what ran; each line is JSON."""
    assert await worker.terminate() == 0
    assert [line for line in worker.lines if not line.startswith("{")] == []
    return worker.lines


async def test_people_read_a_sentence_an_attempt(
    processes: Processes, client: httpx.AsyncClient, service: Any
) -> None:
    await service.worker.terminate()
    worker = await processes.worker(LOG_FORMAT="text")
    done = await post(client, "echo")
    failed = await post(client, "fail")

    await worker.line(rf"^\d\d:\d\d:\d\d echo done \d+ ms acme job={done['id']}$")
    await worker.line(rf"^\d\d:\d\d:\d\d warning: fail error \d+ ms acme job={failed['id']}$")
    await worker.line("^sooner.jobs.failure.Failure: it was asked to fail$")


async def test_a_level_above_info_leaves_failures_alone(
    processes: Processes, client: httpx.AsyncClient, service: Any
) -> None:
    await service.worker.terminate()
    worker = await processes.worker(LOG_LEVEL="warning", ready=False)
    await post(client, "echo")
    failed = await post(client, "fail")

    await worker.line(failed["id"])
    assert [each["actor"] for each in records(worker)] == ["fail"]
