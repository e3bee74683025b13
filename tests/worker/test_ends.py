"""How a worker process ends: orderly, whoever is signalled and how often."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import psutil
import psycopg2
import pytest

from tests.support.busy import busy_worker, stock_message
from tests.support.jobs import Document, fetch, final, post, processing, rows, until
from tests.support.processes import PATIENCE
from tests.support.rows import until as row_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Process, Processes


ACTORS = "tests.support.actors"

HOLD_UP_CLAIMS = """
create function elsewhere() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(1);
  return new;
exception when query_canceled then
  -- As a cancellation that comes after the commit.
  return new;
end $$;
create trigger held_up before update on dramatiq.queue for each row when (new.state = 'consumed')
execute function elsewhere();
"""


def once(worker: Process) -> None:
    worker.send(signal.SIGTERM)


def twice(worker: Process) -> None:
    once(worker)
    once(worker)


def group(worker: Process) -> None:
    worker.send_group(signal.SIGTERM)


def group_twice(worker: Process) -> None:
    group(worker)
    group(worker)


def interrupt(worker: Process) -> None:
    worker.send_group(signal.SIGINT)


def child(worker: Process) -> None:
    [pid] = [process for process in worker.tree()[1:] if process.children() == []][:1]
    pid.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("ask", [once, twice, group, group_twice, interrupt, child])
async def test_a_stopping_worker_finishes_what_it_runs(
    ask: Callable[[Process], None], service: Service
) -> None:
    task = await post(service.client, "sleep", seconds=1.5)
    thread = await post(service.client, "burn", seconds=1.5)
    for job in (task, thread):
        await processing(service.client, job["id"])

    ask(service.worker)

    assert await service.worker.exit() == 0
    for job in (task, thread):
        ended = await final(service.client, job["id"])
        assert (ended["state"], ended["attempts"], ended["crashes"]) == ("done", 1, 0)
    assert await fetch(service.database_url, "select from sooner.worker") == []


@pytest.mark.parametrize(
    "moments", [["pydantic_core"], ["psycopg2"], ["pydantic_core", "psycopg2", "uvloop"]]
)
async def test_a_worker_that_still_imports_ends_in_order(moments: list[str], processes: Processes) -> None:
    worker = await processes.worker(ready=False)

    for library in moments:
        await loaded(worker, library)
        group(worker)

    assert await worker.exit() == 0
    assert "worker ready" not in worker.output


async def loaded(worker: Process, library: str) -> None:
    """Waits until a child of dramatiq's master has come to import a library: before that it is no process of ours."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(psutil.Error):
                if any(library in file.path for child in worker.tree()[1:] for file in child.memory_maps()):
                    return
            worker.require_running()
            await asyncio.sleep(0.005)


async def test_wrong_settings_are_all_named_before_the_teams_modules_load(processes: Processes) -> None:
    wrong: dict[str, Any] = {
        "LEASE_SECONDS": "1",
        "WORKER_PROCESSES": "1.5",
        "WORKER_THREADS": "0",
        "SHUTDOWN_TIMEOUT_SECONDS": "2x",
        "SMTP_URL": "smtp://mail.example",
        "ACTORS": "no_such_package",
    }
    worker = await processes.worker(ready=False, **wrong)

    assert await worker.exit() == 78
    named = wrong.keys() - {"SMTP_URL"} | {"MAIL_FROM"}
    assert {line.partition(":")[0] for line in worker.lines} >= named


async def test_a_stopping_worker_takes_no_more_jobs(service: Service) -> None:
    running = await post(service.client, "sleep", seconds=1.5)
    await processing(service.client, running["id"])

    service.worker.send(signal.SIGTERM)
    await service.worker.line("worker stopping")
    late = await post(service.client, "echo")

    assert await service.worker.exit() == 0
    document = (await service.client.get(f"/jobs/{late['id']}")).json()
    assert (document["state"], document["attempts"]) == ("waiting", 0)


async def test_a_claim_under_way_as_the_time_is_over_counts_no_crash(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    sql = await asyncpg.connect(database_url)
    client = connect(await processes.web(), await api_key())
    worker = await processes.worker(SHUTDOWN_TIMEOUT_SECONDS="0")
    await sql.execute(HOLD_UP_CLAIMS)
    await sql.execute("select pg_advisory_lock(1)")
    job = await post(client, "sleep", seconds=600)
    await row_until(sql, "select true from pg_locks where locktype = 'advisory' and not granted")

    worker.send(signal.SIGTERM)
    await worker.line("worker stopping")
    await sql.execute("select pg_advisory_unlock(1)")

    assert await worker.exit() == 0
    row = await sql.fetchrow(
        "select state::text, attempts, crashes, worker from dramatiq.queue where message_id = $1",
        UUID(job["id"]),
    )
    await sql.close()
    assert row is not None
    assert tuple(row) == ("queued", 0, 0, None)


async def test_what_does_not_end_in_time_starts_elsewhere_uncounted(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    worker = await processes.worker(module=ACTORS, SHUTDOWN_TIMEOUT_SECONDS="1")
    jobs = [
        await post(client, "sleep", seconds=600),
        await post(client, "burn", seconds=600),
        await post(client, "block", seconds=600),
        await post(client, "cling", seconds=600),
    ]
    held = [await processing(client, job["id"]) for job in jobs]
    await processes.worker(module=ACTORS)

    code = await worker.terminate()

    assert code == 0
    for before in held:
        again = await until(client, before["id"], partial(begun_again, before["started_at"]))
        assert (again["state"], again["attempts"], again["crashes"]) == ("processing", 1, 0)


async def test_messages_that_no_thread_has_begun_are_given_back_at_once(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(), await api_key(scopes=["admin"]))
    worker, running = await busy_worker(processes, client, database_url)
    unbegun = stock_message(database_url, "burn", seconds=0)
    await processing(client, unbegun)

    worker.send(signal.SIGTERM)

    waiting = await until(client, unbegun, lambda job: job["state"] == "waiting")
    assert waiting["attempts"] == 0
    assert (await client.get(f"/jobs/{running}")).json()["state"] == "processing"
    await client.post(f"/jobs/{running}/cancel")
    assert await worker.exit() == 0
    assert (await final(client, running))["state"] == "cancelled"


async def test_messages_of_a_claim_that_is_under_way_at_the_signal_are_given_back_at_once(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(), await api_key(scopes=["admin"]))
    worker, running = await busy_worker(processes, client, database_url)
    claims = (
        "select from pg_stat_activity where application_name = 'sooner claim' and wait_event = 'advisory'"
    )
    late = str(uuid4())
    with contextlib.closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(HOLD_UP_CLAIMS)
        cursor.execute("select pg_advisory_lock(1)")
        cursor.execute(
            "insert into dramatiq.queue (message_id, lane, message) values (%s, 'default.last', %s)",
            (late, '{"actor_name": "burn", "args": [], "kwargs": {"seconds": 0}, "options": {}}'),
        )
        await rows(database_url, claims)
        worker.send(signal.SIGTERM)
        await worker.line("worker stopping")

    back = (
        "select from dramatiq.queue where message_id = $1 and state = 'queued' and fence > 0 and attempts = 0"
    )
    assert await rows(database_url, back, late)
    assert (await client.get(f"/jobs/{running}")).json()["state"] == "processing"
    await client.post(f"/jobs/{running}/cancel")
    assert await worker.exit() == 0


def begun_again(then: str, job: Document) -> bool:
    return bool(job["state"] == "processing" and job["started_at"] != then)


async def test_an_actor_that_exits_fails_its_job_and_nothing_else(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key())
    worker = await processes.worker(module=ACTORS)
    beside = await post(client, "sleep", seconds=2)
    await processing(client, beside["id"])

    ended = await post(client, "leave", prefer="wait=20")

    assert (ended["state"], ended["error"]["type"]) == ("error", "SystemExit")
    assert (await final(client, beside["id"]))["state"] == "done"
    assert worker.running()


async def test_a_worker_stops_while_its_database_is_away(processes: Processes) -> None:
    worker = await processes.worker(
        ready=False, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", SHUTDOWN_TIMEOUT_SECONDS="1"
    )
    await worker.line("trying again|again in|Connect call failed")

    assert await worker.terminate() == 0


@pytest.mark.parametrize("count", ["1", "3"])
async def test_exits_when_nothing_is_due_and_nothing_runs(
    count: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(), await api_key())
    later = await client.post("/jobs/echo?delay=3600", json={})
    jobs = [await post(client, "sleep", seconds=1.5), await post(client, "burn", seconds=0.5)]

    worker = await processes.worker(WORKER_EXIT_WHEN_EMPTY="1", WORKER_PROCESSES=count)

    assert await worker.exit() == 0
    assert "unexpectedly" not in worker.output
    assert [(await final(client, job["id"]))["state"] for job in jobs] == ["done", "done"]
    assert (await client.get(f"/jobs/{later.json()['id']}")).json()["state"] == "waiting"


async def test_a_dead_workers_job_keeps_another_from_leaving(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(), await api_key())
    dying = await processes.worker(LEASE_SECONDS="3")
    job = await post(client, "sleep", seconds=1)
    await processing(client, job["id"])
    await dying.kill()

    worker = await processes.worker(WORKER_EXIT_WHEN_EMPTY="1")

    assert await worker.exit() == 0
    ended = await final(client, job["id"])
    assert (ended["state"], ended["attempts"], ended["crashes"]) == ("done", 2, 1)


async def test_nothing_is_due_at_all(processes: Processes) -> None:
    worker = await processes.worker(WORKER_EXIT_WHEN_EMPTY="1")

    assert await worker.exit() == 0


async def test_a_message_that_cannot_be_read_ends_alone(
    service: Service, api_key: MakeKey, connect: Connect
) -> None:
    ids = [str(uuid4()), str(uuid4())]
    with psycopg2.connect(service.database_url) as connection, connection.cursor() as cursor:
        for id, actor in zip(ids, ("echo", "burn"), strict=True):
            cursor.execute(
                "insert into dramatiq.queue (message_id, lane, message) values (%s, 'default.last', %s)",
                (id, f'{{"actor_name": "{actor}", "kwargs": 5}}'),
            )
        cursor.execute('notify "dramatiq.default.enqueue"')
    connection.close()
    operator = connect(service.web, await api_key(scopes=["admin"]))

    for id in ids:
        assert (await final(operator, id))["error"]["type"] == "unreadable-message"
    assert (await post(service.client, "echo", prefer="wait=10", a=1))["result"] == {"a": 1}
    assert (await post(service.client, "burn", prefer="wait=10", seconds=0))["state"] == "done"
