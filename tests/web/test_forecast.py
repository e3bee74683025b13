"""When a job will end: estimates, Retry-After, and the 202 that comes before the wait is over."""

from __future__ import annotations

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.jobs.forecasting.durations import Durations
from sooner.jobs.forecasting.forecast import Forecast, Outlook
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.queue.ids import uuid7
from tests.support.jobs import post, until

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Service

LATER = {"Prefer": "respond-async"}


async def run(client: httpx.AsyncClient, actor: str, many: list[dict[str, Any]]) -> None:
    """Run jobs of an actor to their ends."""
    await asyncio.gather(
        *(client.post(f"/jobs/{actor}", json=params, headers={"Prefer": "wait=25"}) for params in many)
    )


async def known(client: httpx.AsyncClient, actor: str, **durations: float) -> dict[str, float]:
    """What GET /actors says of an actor's durations, once it is at least that."""
    async with asyncio.timeout(30):
        while True:
            items = (await client.get("/actors")).json()["items"]
            [duration] = [item["duration"] for item in items if item["name"] == actor]
            if all(
                duration[name] is not None and duration[name] >= least for name, least in durations.items()
            ):
                found: dict[str, float] = duration
                return found


def seconds_until_end(document: dict[str, Any]) -> float:
    """From now to the estimated end."""
    end = datetime.fromisoformat(document["estimate"]["finishes_at"])
    return (end - datetime.now(UTC)).total_seconds()


async def test_durations_of_runs_are_known_soon(client: httpx.AsyncClient) -> None:
    items = (await client.get("/actors")).json()["items"]
    assert {str(item["duration"]) for item in items} == {"{'p50': None, 'p95': None}"}
    await run(client, "sleep", [{"seconds": 0.1}] * 9 + [{"seconds": 1}])
    # A loop's clock is good for milliseconds: a sleep may end a hair early.
    found = await known(client, "sleep", p50=0.09, p95=0.95)
    assert 0.09 <= found["p50"] < 0.95 <= found["p95"]


async def test_durations_are_noted_again_after_an_error_that_nobody_foresaw(
    service: Service, database_url: str
) -> None:
    db = await asyncpg.connect(database_url)
    await db.execute("alter table sooner.actor_history rename to elsewhere")
    await run(service.client, "sleep", [{"seconds": 0}])
    await service.worker.line('"durations of runs not noted"')
    await db.execute("alter table sooner.elsewhere rename to actor_history")
    await run(service.client, "sleep", [{"seconds": 0.1}])
    await known(service.client, "sleep", p50=0.09)
    await db.close()


async def test_an_estimate_follows_from_the_last_runs(client: httpx.AsyncClient) -> None:
    first = await client.post("/jobs/sleep", json={"seconds": 1.5}, headers=LATER)
    assert first.json()["estimate"] is None
    await run(client, "sleep", [{"seconds": 1.5}] * 3)
    await known(client, "sleep", p50=1.4)
    posted = await client.post("/jobs/sleep", json={"seconds": 1.5}, headers=LATER)
    assert 0.5 < seconds_until_end(posted.json()) <= 2.5
    assert int(posted.headers["retry-after"]) in {1, 2}
    final = await client.get(posted.json()["urls"]["self"], headers={"Prefer": "wait=20"})
    while final.json()["state"] != "done":
        final = await client.get(posted.json()["urls"]["self"], headers={"Prefer": "wait=20"})
    assert final.json()["estimate"] is None
    assert "retry-after" not in final.headers


async def test_an_estimate_follows_the_progress_once_there_is_any(client: httpx.AsyncClient) -> None:
    await run(client, "sleep", [{"seconds": 0}] * 3)
    await known(client, "sleep", p50=0)
    posted = await post(client, "sleep", seconds=6, steps=3)
    job = await until(client, posted["id"], lambda job: job["progress"] is not None)

    began, ends = (
        datetime.fromisoformat(text) for text in (job["started_at"], job["estimate"]["finishes_at"])
    )
    # A third of it took two seconds, and a little until it was read.
    assert 6 <= (ends - began).total_seconds() < 9


def running(fraction: float | None, seconds: float) -> Outlook:
    """What is said of a job that has run so long, and of whose actor nothing is known."""
    now = datetime.now(UTC)
    progress = json.dumps({"fraction": fraction, "message": None})
    job = Job(
        **{
            **dict.fromkeys(Job._fields),
            "id": uuid7(),
            "actor": "sleep",
            "queue": "default",
            "state": State.PROCESSING,
            "started_at": now - timedelta(seconds=seconds),
            "created_at": now,
            "progress": progress,
        }  # type: ignore[arg-type]
    )
    return Forecast(None, {}, most=1).outlook(job)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fraction", "seconds", "left", "retry_after"),
    [
        (0.57, 5.13, 3.87, 4),
        (0.5, 100, 100, 60),
        (1.0, 5, 0, 1),
        # A clock that is behind the database's.
        (0.5, -3, 0, 1),
        (None, 5, None, 3),
        (0.0, 5, None, 3),
        (1e-300, 5, None, 3),
    ],
)
def test_what_is_left_is_what_the_progress_says(
    fraction: float | None, seconds: float, left: float | None, retry_after: int
) -> None:
    outlook = running(fraction, seconds)

    assert outlook.retry_after == retry_after
    if left is None:
        assert outlook.finishes_at is None
    else:
        assert outlook.finishes_at is not None
        assert (outlook.finishes_at - datetime.now(UTC)).total_seconds() == pytest.approx(left, abs=0.1)


async def test_a_postponed_job_is_worth_asking_for_when_it_is_due(client: httpx.AsyncClient) -> None:
    posted = await client.post("/jobs/echo?delay=1000", json={})
    # What web knows of the database's clock is a round trip old.
    assert 990 <= int(posted.headers["retry-after"]) <= 1001
    await run(client, "echo", [{}])
    await known(client, "echo", p50=0)
    again = await client.get(posted.json()["urls"]["self"])
    assert 980 <= seconds_until_end(again.json()) <= 1001
    assert 980 <= int(again.headers["retry-after"]) <= 1001


async def test_a_job_that_lasts_longer_than_any_run_is_asked_for_the_less_often_the_longer(
    client: httpx.AsyncClient,
) -> None:
    posted = await client.post("/jobs/sleep", json={"seconds": 1000}, headers={"Prefer": "wait=5"})
    assert posted.json()["estimate"] is None
    early = int((await client.get(posted.json()["urls"]["self"])).headers["retry-after"])
    later = await client.get(posted.json()["urls"]["self"], headers={"Prefer": "wait=6"})
    assert 2 <= early < int(later.headers["retry-after"])


async def test_what_cannot_end_within_the_wait_is_answered_at_once(client: httpx.AsyncClient) -> None:
    long, short = {"seconds": 3.5}, {"seconds": 0.1}
    await run(client, "sleep", [long] * 19)
    await known(client, "sleep", p50=3.5)
    unknown = await client.post("/jobs/sleep", json=short)
    assert (unknown.status_code, unknown.headers["preference-applied"]) == (200, "wait=3")

    await run(client, "sleep", [long] * 4)
    async with asyncio.timeout(30):
        while (answer := await client.post("/jobs/sleep", json=long)).headers[
            "preference-applied"
        ] != "respond-async":
            pass
    assert answer.status_code == 202
    assert int(answer.headers["retry-after"]) == 4

    asked = await client.post("/jobs/sleep", json=short, headers={"Prefer": "wait=3"})
    assert (asked.status_code, asked.headers["preference-applied"]) == (200, "wait=3")


async def test_what_the_fastest_tenth_would_have_made_is_waited_for(client: httpx.AsyncClient) -> None:
    await run(client, "sleep", [{"seconds": 3.5}] * 27 + [{"seconds": 0.1}] * 3)
    await known(client, "sleep", p50=3.5)
    answer = await client.post("/jobs/sleep", json={"seconds": 0.1})
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=3")


@pytest.mark.slow
async def test_the_line_before_it_counts(service: Service) -> None:
    client = service.client
    await run(client, "burn", [{"seconds": 1}] * 24)
    await known(client, "burn", p50=0.9)
    for _ in range(4):
        await asyncio.gather(
            *(client.post("/jobs/burn", json={"seconds": 2}, headers=LATER) for _ in range(50))
        )
    async with asyncio.timeout(30):
        while (answer := await client.post("/jobs/burn", json={"seconds": 0})).headers[
            "preference-applied"
        ] != "respond-async":
            pass
    assert answer.status_code == 202
    assert seconds_until_end(answer.json()) > 3
    urgent = await client.post("/jobs/burn?priority=high", json={"seconds": 0})
    assert urgent.headers["preference-applied"] == "wait=3"


def test_quantiles() -> None:
    runs = Durations([3, 1, 2, 5, 4, 6, 7, 8, 9, 10])
    assert [runs.quantile(share) for share in (0, 0.1, 0.11, 0.5, 0.95, 1)] == [1, 1, 2, 5, 10, 10]
    assert Durations([]).quantile(0.5) is None
    assert runs.left(0) == 5
    assert runs.left(8) == pytest.approx(1)
    assert runs.left(10) is None
    assert math.isclose(Durations([0.5]).left(0.25) or 0, 0.25)
    assert timedelta(seconds=runs.left(1.5) or 0) == timedelta(seconds=4.5)
