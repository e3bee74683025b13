"""What the code of jobs logs and prints is kept with the attempt, for operators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.support.jobs import fetch, final, post, processing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Process, Processes

ACTORS = "tests.support.loggers"
SECRET = "8675309867530986"


class Shop(NamedTuple):
    """A deployment whose actors log."""

    client: httpx.AsyncClient
    operator: httpx.AsyncClient
    worker: Process


@pytest.fixture
async def shop(
    processes: Processes, connect: Connect, api_key: MakeKey, request: pytest.FixtureRequest
) -> Shop:
    """It runs, its worker with the settings of the parameter."""
    web = await processes.web(module=ACTORS)
    worker = await processes.worker(module=ACTORS, **getattr(request, "param", {}))
    return Shop(
        connect(web, await api_key()), connect(web, await api_key("operators", scopes=["admin"])), worker
    )


async def lines(shop: Shop, id: str) -> list[dict[str, Any]]:
    """A job's log, over all pages."""
    found: list[dict[str, Any]] = []
    address: str | None = f"/jobs/{id}/logs?limit=40"
    while address:
        answer = await shop.operator.get(address)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        address = answer.json()["next"]
        assert answer.headers.get("Link") == (f'<{address}>; rel="next"' if address else None)
    return found


async def events(shop: Shop, id: str, **headers: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A job's log as it is written: ids and lines."""
    fields = {"Accept": "text/event-stream", **headers}
    async with shop.operator.stream("GET", f"/jobs/{id}/logs", headers=fields) as answer:
        assert answer.status_code == 200
        number = ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            number = value if name == "id" else number
            assert name != "event" or value == "log"
            if name == "data":
                yield number, json.loads(value)


@pytest.mark.parametrize("shop", [{"LOG_FORMAT": "json"}, {"LOG_FORMAT": "text"}], indirect=True)
async def test_all_that_the_code_of_a_job_says_is_kept(shop: Shop, database_url: str) -> None:
    jobs = [await post(shop.client, actor, prefer="wait=20", word=word) for word in ("a", "b") for actor in ("says", "says_on_thread")]  # fmt: skip

    looped, threaded = await lines(shop, jobs[2]["id"]), await lines(shop, jobs[3]["id"])

    assert [(line["level"], line["logger"], line["message"]) for line in looped] == [
        ("info", "shop", "logged b"),
        ("warning", "shop.structured", "structured"),
        ("info", "print", "printed b"),
        ("info", "shop", "in a task b"),
        ("info", "shop", "in to_thread b"),
        ("info", "shop", "in the pool b"),
        ("error", "shop", "caught"),
        ("info", "print", "unfinished b"),
    ]
    first = looped[0]
    assert first.pop("at").endswith("Z")
    assert first == {
        "level": "info", "logger": "shop", "message": "logged b", "attempt": 1,
        "order": 7, "level_": "of the extra", "parts": ["b", "<class 'object'>"],
    }  # fmt: skip
    assert looped[1]["word"] == "b"
    assert looped[6]["exception"].startswith("Traceback (most recent call last)")
    assert looped[6]["exception"].endswith("LookupError: b")
    assert [line["message"] for line in threaded] == [
        "logged b",
        "printed b",
        "in the pool b",
        "in a thread b of says_on_thread",
        threaded[-1]["message"],
    ]
    assert threaded[-1]["message"].startswith("uncaught exception in thread")
    # The worker's own log has them as before.
    await shop.worker.line("structured")
    await shop.worker.line("printed b")
    assert [len(await lines(shop, job["id"])) for job in jobs] == [8, 5, 8, 5]
    # Nothing of it reaches a tenant.
    assert (await shop.client.get(f"/jobs/{jobs[0]['id']}/logs")).status_code == 403
    assert "printed" not in (await shop.client.get(f"/jobs/{jobs[0]['id']}")).text
    await fetch(database_url, "delete from dramatiq.queue where message_id = $1", jobs[0]["id"])
    [left] = await fetch(database_url, "select count(distinct job) from sooner.log_line")
    assert left["count"] == 3
    assert (await shop.operator.get(f"/jobs/{jobs[0]['id']}/logs")).status_code == 404


async def test_no_secret_is_in_a_log(shop: Shop, database_url: str) -> None:
    job = await post(shop.client, "says_a_secret", prefer="wait=20", token=SECRET)

    said = await lines(shop, job["id"])

    assert [line["message"] for line in said] == ["token •••", "•••", "•••", "caught"]
    assert (said[0]["token"], said[0]["number"], said[0]["deep"]) == ("•••", "•••", {"•••": ["•••"]})
    [kept] = await fetch(database_url, "select string_agg(log_line::text, '') as all from sooner.log_line")
    assert SECRET not in kept["all"]


async def test_odd_words_fail_no_job_and_a_secret_of_several_lines_stays_hidden(
    shop: Shop, database_url: str
) -> None:
    key = "-----BEGIN KEY-----\nMC4CAQAwBQYDK2VwBCIEIG\nhVf7 'quoted' ü&<\"key\"\n-----END KEY-----\n"

    job = await post(shop.client, "says_oddly", prefer="wait=20", key=key)

    assert job["error"]["type"] == "LookupError"
    said = await lines(shop, job["id"])
    assert [(line["level"], line["logger"], line["message"]) for line in said] == [
        ("info", "shop", "%d of these ('•••',)"),
        ("info", "shop.structured", "changes"),
        ("info", "shop.structured", "much"),
        *[("warning", "stderr", "•••")] * 4,
        ("info", "print", "bytes"),
        ("info", "print", "unfinished in a thread"),
    ]
    assert said[2]["left_out"].startswith("fields of 45")
    [attempt] = (await shop.operator.get(f"/jobs/{job['id']}")).json()["attempts_log"]
    assert attempt["traceback"].startswith("KeyError: '•••'")
    assert "The above exception was the direct cause" in attempt["traceback"]
    assert "ExceptionGroup: several (1 sub-exception)\n  | •••" in attempt["traceback"]
    assert "LookupError: •••" in attempt["traceback"]
    await shop.worker.line('"event":"attempt"')
    # Of a task that outlives its job.
    await shop.worker.line("Task exception was never retrieved")
    for part in key.split("\n")[:-1]:
        assert part not in attempt["traceback"]
        assert [line for line in shop.worker.lines if part in line] == []
        [kept] = await fetch(database_url, "select count(*) from sooner.log_line where log_line::text like $1", f"%{part}%")  # fmt: skip
        assert kept["count"] == 0
    assert [line for line in shop.worker.lines if not line.startswith("{")] == []


@pytest.mark.parametrize("shop", [{"MAX_LOG_LINES": "100"}], indirect=True)
async def test_an_attempt_keeps_so_many_lines_and_a_last_one_says_so(shop: Shop) -> None:
    job = await post(shop.client, "says_much", prefer="wait=20", lines=1000)

    said = await lines(shop, job["id"])

    assert [line["message"] for line in said[:-1]] == [f"line {number}" for number in range(100)]
    assert said[-1]["message"] == "further lines are dropped: an attempt keeps 100 (MAX_LOG_LINES)"
    assert said[-1]["level"] == "warning"
    for unfit in ("limit=0", "limit=101", "cursor=x", "page=2"):
        assert (await shop.operator.get(f"/jobs/{job['id']}/logs?{unfit}")).status_code == 422


async def test_a_log_is_followed_live_resumed_and_ends_with_the_job(shop: Shop) -> None:
    # A browser that reads events would otherwise come back each second for ever.
    silent = await post(shop.client, "says_much", prefer="wait=20", lines=0)
    headers = {"Accept": "text/event-stream"}
    assert (await shop.operator.get(f"/jobs/{silent['id']}/logs", headers=headers)).status_code == 204
    job = await post(shop.client, "says_on")
    seen: list[tuple[str, dict[str, Any]]] = []
    async for event in events(shop, job["id"]):
        seen.append(event)
        if len(seen) == 3:
            break
    assert (await processing(shop.client, job["id"]))["state"] == "processing"
    async for event in events(shop, job["id"], **{"Last-Event-ID": seen[-1][0]}):
        seen.append(event)
        if len(seen) == 5:
            await shop.client.post(f"/jobs/{job['id']}/cancel")
    whole = await lines(shop, job["id"])

    assert [line for _, line in seen] == whole
    assert [line["message"] for line in whole] == [f"line {number}" for number in range(len(whole))]
    assert [int(id) for id, _ in seen] == sorted({int(id) for id, _ in seen})
    again = [event async for event in events(shop, job["id"], **{"Last-Event-ID": "x"})]
    assert again == seen
    headers = {"Accept": "text/event-stream", "Last-Event-ID": seen[-1][0]}
    assert (await shop.operator.get(f"/jobs/{job['id']}/logs", headers=headers)).status_code == 204


async def test_a_live_reader_gets_lines_that_a_worker_wrote_late(shop: Shop, database_url: str) -> None:
    job = await post(shop.client, "says_on")
    seen: list[tuple[int, str]] = []
    async for id, line in events(shop, job["id"]):
        seen.append((int(id), line["message"]))
        if len(seen) == 2:
            # A worker that was cut off from the database, and lost the job, writes lines of its own attempt now.
            late = """insert into sooner.log_line (job, number, attempt, at, level, logger, message)
                select $1::uuid, number, 1, now(), 'info', 'shop', 'late' from generate_series(1, 3) as number"""
            await fetch(database_url, late, job["id"])
            await shop.client.post(f"/jobs/{job['id']}/cancel")

    assert [message for _, message in seen].count("late") == 3
    assert [message for _, message in seen[:2]] == ["line 0", "line 1"]
    numbers = [number for number, _ in seen]
    assert numbers == sorted(numbers)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(numbers[-1])}
    assert (await shop.operator.get(f"/jobs/{job['id']}/logs", headers=headers)).status_code == 204


async def test_each_attempt_has_its_lines_and_a_dead_worker_leaves_them(
    shop: Shop, processes: Processes
) -> None:
    failed = await post(shop.client, "says_and_fails", prefer="wait=20")
    died = await post(shop.client, "says_and_dies")
    assert await shop.worker.exit() != 0
    left = await lines(shop, died["id"])
    await processes.worker(module=ACTORS, LEASE_SECONDS="2")
    await final(shop.client, died["id"])

    assert [(line["attempt"], line["message"]) for line in await lines(shop, failed["id"])] == [
        (1, "attempt 1"),
        (2, "attempt 2"),
    ]
    assert [line["message"] for line in left] == ["attempt 1"]
    assert [line["message"] for line in await lines(shop, died["id"])] == ["attempt 1", "attempt 2"]
