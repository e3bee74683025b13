"""What the operators' page reads and does: the list's pages and stream, bulk actions, schedules."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.support.events import listening
from tests.support.jobs import fetch, post
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.events import Event
    from tests.support.processes import Processes, Web

#: More failed jobs than one request acts on, of two times.
FAILED = """
insert into dramatiq.queue (message_id, actor, lane, state, message, error, started_at, finished_at, created_at, expires_at)
select gen_random_uuid(), 'fail', 'default', 'rejected', '{"args": [], "kwargs": {}}', '{"type": "failed", "title": "x"}', at, at,
  at, at + interval '1 day'
from generate_series(1, 501) as n cross join lateral (select now() - n % 2 * interval '1 s') as failed (at)
"""
#: Each retried job fails again at once.
FAILS_AGAIN = (
    "create table met (job uuid)",
    """
    create function fails_again() returns trigger language plpgsql security definer as $$ begin
      insert into public.met values (new.message_id);
      return old;
    end $$
    """,
    """
    create trigger fails_again before update on dramatiq.queue for each row
    when (old.state = 'rejected' and new.state = 'queued') execute function fails_again()
    """,
)


@pytest.fixture
async def web(processes: Processes) -> Web:
    """A web process alone: no job begins by itself."""
    return await processes.web()


@pytest.fixture
async def operator(web: Web, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client with every scope."""
    return connect(web, await api_key("acme", scopes=["jobs", "admin"]))


async def told(events: AsyncIterator[Event], type: str) -> Any:
    """What the next event of a type says. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        async for event in events:
            if event.type == type:
                return event.job
    raise AssertionError("the stream ended")


def stream(page: dict[str, Any], **more: str) -> str:
    """The address of the stream that tells of a page of the list."""
    ids = ",".join(job["id"] for job in page["items"])
    return "/dashboard/events?" + urlencode({"view": "jobs", "ids": ids, "until": page["next"] or "", **more})


async def test_the_stream_tells_of_the_rows_that_are_shown_and_counts_new_ones(
    operator: httpx.AsyncClient,
) -> None:
    made = [(await post(operator, "echo", n=n))["id"] for n in range(2)]
    page = (await operator.get("/dashboard/jobs?state=waiting")).json()

    async with listening(operator, stream(page, state="waiting")) as (_, events):
        first = await told(events, "jobs")
        await post(operator, "echo")
        added = await told(events, "jobs")
        await operator.post(f"/jobs/{made[0]}/cancel")
        cancelled = await told(events, "jobs")

    assert [job["id"] for job in page["items"]] == made[::-1]
    assert first == {"items": page["items"], "new": 0}
    assert added == {"items": page["items"], "new": 1}
    # What no longer fits stays where it is.
    assert [job["id"] for job in cancelled["items"]] == made[::-1]
    assert [job["state"] for job in cancelled["items"]] == ["waiting", "cancelled"]


async def test_a_page_in_the_middle_counts_nothing_from_before_or_after_it(
    operator: httpx.AsyncClient, database_url: str
) -> None:
    await fetch(database_url, FAILED)
    first = (await operator.get("/dashboard/jobs?state=error")).json()
    second = (await operator.get(f"/dashboard/jobs?state=error&cursor={first['next']}")).json()

    async with listening(operator, stream(second, state="error", cursor=first["next"])) as (_, events):
        assert (await told(events, "jobs"))["new"] == 0
        [late] = await fetch(
            database_url,
            "update dramatiq.queue set state = 'error_resolved' where message_id = $1::text::uuid returning message_id",
            second["items"][7]["id"],
        )
        changed = await told(events, "jobs")
    without = {**second, "items": [job for job in second["items"] if job["id"] != str(late["message_id"])]}
    await fetch(database_url, "update dramatiq.queue set state = 'rejected' where state = 'error_resolved'")
    async with listening(operator, stream(without, state="error", cursor=first["next"])) as (_, events):
        assert (await told(events, "jobs"))["new"] == 1

    assert len({job["id"] for page in (first, second) for job in page["items"]}) == 100
    assert (changed["new"], changed["items"][7]["state"]) == (0, "error_resolved")


async def test_all_that_failed_are_met_once_even_where_they_fail_again(
    operator: httpx.AsyncClient, database_url: str
) -> None:
    for statement in (FAILED, *FAILS_AGAIN):
        await fetch(database_url, statement)
    changed: list[int] = []
    cursor = None
    while cursor is not None or not changed:
        answer = await operator.post("/dashboard/retry", json={"actor": "fail", "cursor": cursor})
        changed.append(answer.json()["changed"])
        cursor = answer.json()["next"]

    assert changed == [500, 1]
    [met] = await fetch(database_url, "select count(*), count(distinct job) as jobs from met")
    assert dict(met) == {"count": 501, "jobs": 501}


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("/dashboard/events?view=jobs&ids=1", "#/ids"),
        ("/dashboard/events?view=jobs&ids=" + 101 * "0190a1b2-0000-7000-8000-000000000000,", "#/ids"),
        ("/dashboard/events?view=jobs&until=x", "#/cursor"),
        ("/dashboard/jobs?cursor=x", "#/cursor"),
        ("/dashboard/jobs?state=new", "#/state"),
    ],
    ids=["no id", "too many", "until", "cursor", "state"],
)
async def test_what_does_not_fit_is_refused(operator: httpx.AsyncClient, address: str, where: str) -> None:
    answer = await operator.get(address)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, where)


@pytest.mark.parametrize(
    "body", [{"ids": ["1"]}, {"ids": 501 * ["0190a1b2-0000-7000-8000-000000000000"]}, {"cursor": 1}]
)
async def test_a_bulk_action_that_does_not_fit_does_nothing(
    operator: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await operator.post("/dashboard/resolve", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{next(iter(body))}"


async def test_the_next_tick_is_the_leaders(operator: httpx.AsyncClient, database_url: str) -> None:
    """Its expression and zone count, whatever schedules web has; one that was removed is not there."""
    await fetch(
        database_url,
        """
        insert into sooner.schedule (name, actor, cron, timezone, removed_at) values
          ('ours_alone', 'echo', '30 4 * * *', 'Asia/Kolkata', null),
          ('expire_credentials', 'expire_credentials', '15 3 * * *', 'UTC', null),
          ('newer', 'echo', 'in a spelling to come', 'UTC', null),
          ('former', 'echo', '@hourly', 'UTC', now())
        """,
    )
    async with listening(operator, "/dashboard/events") as (_, events):
        board = await told(events, "board")

    next_at = {row["name"]: row["next_at"] for row in board["schedules"]}
    assert list(next_at) == ["expire_credentials", "newer", "ours_alone"]
    assert next_at["newer"] is None
    at = {name: datetime.fromisoformat(text) for name, text in next_at.items() if text}
    assert f"{at['expire_credentials'].astimezone(UTC):%H:%M}" == "03:15"
    assert f"{at['ours_alone'].astimezone(UTC):%H:%M}" == "23:00"
    assert all(timedelta(0) < each - datetime.now(UTC) <= timedelta(days=1) for each in at.values())


async def test_a_job_that_nobody_would_run_says_so(operator: httpx.AsyncClient) -> None:
    job = await post(operator, "echo")
    async with listening(operator, f"/dashboard/events?job={job['id']}") as (_, events):
        alone = await told(events, "job")
        await operator.post("/queues/default/pause")
        paused = await told(events, "job")
    async with listening(operator, "/dashboard/events?job=none") as (_, events):
        assert await told(events, "job") is None

    assert (alone["stranded"], alone["paused"]) == (True, False)
    assert (paused["stranded"], paused["paused"]) == (True, True)
