"""dramatiq's own ways: what its options let follow a job comes once, when the job has ended; messages and results are the jobs'."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import asyncpg
import dramatiq
import pytest
from dramatiq import group, pipeline
from dramatiq.results import ResultFailure, ResultMissing, ResultTimeout

from tests.support.jobs import final, post
from tests.support.rows import until
from tests.support.steps import (
    add_on_loop,
    add_on_thread,
    broker,
    dawdle,
    fall,
    hear,
    stumble,
    unstorable,
    whisper,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

STEPS = "tests.support.steps"


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    before = dramatiq.get_broker(), broker.pool
    dramatiq.set_broker(broker)
    broker.open(database_url, retention=60.0)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
    broker.pool.closeall()
    broker.pool = before[1]
    dramatiq.set_broker(before[0])


@pytest.fixture
async def rows(processes: Processes, connection: asyncpg.Connection) -> asyncpg.Connection:
    await processes.worker(module=STEPS)
    return connection


async def result(rows: asyncpg.Connection, actor: str) -> Any:
    """What the actor's only job returned."""
    done = "select result::text from dramatiq.queue where actor = $1 and state = 'done'"
    return json.loads(await until(rows, done, actor))


async def test_a_pipeline_runs_every_step_and_hands_results_on(rows: asyncpg.Connection) -> None:
    steps = pipeline(
        [
            stumble.message(1),
            add_on_thread.message(2),
            add_on_loop.message_with_options(args=(4,), delay=100),
            hear.message({"actor_name": "last"}),
        ]
    )
    await asyncio.to_thread(steps.run)
    assert await asyncio.to_thread(steps.get_result, block=True) == ["last", 7]
    assert await rows.fetchval("select count(*) from dramatiq.queue") == 4
    postponed = "select extract(epoch from started_at - created_at)::float8 from dramatiq.queue where actor = 'add_on_loop'"
    assert await rows.fetchval(postponed) >= 0.1
    ignoring = pipeline(
        [add_on_loop.message(1, 1), add_on_thread.message_with_options(args=(2, 2), pipe_ignore=True)]
    )
    await asyncio.to_thread(ignoring.run)
    assert await asyncio.to_thread(ignoring.get_result, block=True) == 4


async def test_callbacks_come_once_and_not_before_the_last_attempt(rows: asyncpg.Connection) -> None:
    await asyncio.to_thread(fall.send_with_options, on_failure="hear")
    assert await result(rows, "hear") == ["fall", {"type": "ValueError", "message": "fell"}]
    await rows.execute("delete from dramatiq.queue")
    await asyncio.to_thread(stumble.send_with_options, args=(3,), on_success="hear", on_failure="hear")
    assert await result(rows, "hear") == ["stumble", 3]
    assert await rows.fetchval("select count(*) from dramatiq.queue") == 2


async def test_a_callback_may_be_an_actor_and_ids_sort_by_their_time(rows: asyncpg.Connection) -> None:
    sent = await asyncio.to_thread(stumble.send_with_options, args=(3,), on_success=hear)
    assert await result(rows, "hear") == ["stumble", 3]
    id = UUID(sent.message_id)
    assert (id.version, id.int >> 80) == (7, sent.message_timestamp)
    assert (
        sent.encode()
        == stumble.message_with_options(args=(3,), on_success="hear")
        .copy(message_id=sent.message_id, message_timestamp=sent.message_timestamp)
        .encode()
    )


async def test_a_result_that_cannot_be_stored_is_a_failure(rows: asyncpg.Connection) -> None:
    await asyncio.to_thread(unstorable.send_with_options, on_success="add_on_loop", on_failure="hear")
    heard = await result(rows, "hear")
    assert (heard[0], heard[1]["type"]) == ("unstorable", "Unstorable")
    assert await rows.fetchval("select count(*) from dramatiq.queue") == 2


async def test_a_message_says_how_it_is_run(rows: asyncpg.Connection) -> None:
    await asyncio.to_thread(fall.send_with_options, max_retries=2, min_backoff=1, max_backoff=1)
    assert await until(rows, "select attempts from dramatiq.queue where state = 'rejected'") == 3
    late = await asyncio.to_thread(dawdle.send_with_options, args=(60,), time_limit=50, on_failure="hear")
    with pytest.raises(ResultFailure, match="longer than this actor may") as raised:
        await asyncio.to_thread(late.get_result, block=True)
    assert raised.value.orig_exc_type == "timeout"
    assert (await result(rows, "hear"))[1]["type"] == "OutOfTime"
    old = dawdle.message_with_options(args=(0,), max_age=10)
    await asyncio.to_thread(broker.enqueue, old, delay=1000)
    await rows.execute(
        "update dramatiq.queue set run_at = run_at - interval '1 minute' where message_id = $1",
        old.message_id,
    )
    with pytest.raises(ResultFailure, match="did not begin within") as raised:
        await asyncio.to_thread(old.get_result, block=True)
    assert raised.value.orig_exc_type == "too-old"


async def test_a_result_is_what_the_row_holds(rows: asyncpg.Connection) -> None:
    sent = await asyncio.to_thread(add_on_loop.send, 1, 2)
    assert await asyncio.to_thread(sent.get_result, block=True) == 3
    failed = await asyncio.to_thread(fall.send)
    with pytest.raises(ResultFailure, match="ValueError"):
        await asyncio.to_thread(failed.get_result, block=True)
    later = await asyncio.to_thread(add_on_loop.send_with_options, args=(1, 2), delay=60_000)
    with pytest.raises(ResultMissing):
        await asyncio.to_thread(later.get_result)
    with pytest.raises(ResultTimeout):
        await asyncio.to_thread(later.get_result, block=True, timeout=20)
    await rows.execute(
        "update dramatiq.queue set state = 'cancelled', due_at = null, finished_at = now() where state = 'queued'"
    )
    with pytest.raises(ResultFailure, match="cancelled"):
        await asyncio.to_thread(later.get_result, block=True)


async def test_an_event_loop_is_held_up_by_none_of_it(connection: asyncpg.Connection) -> None:
    message = add_on_loop.message(1, 2)
    with pytest.raises(RuntimeError, match="hold up the event loop: write `await submit"):
        broker.enqueue(message)
    with pytest.raises(RuntimeError, match=r"await handle\(.*\)\.result\(\)"):
        message.get_result()
    assert await connection.fetchval("select count(*) from dramatiq.queue") == 0


async def test_what_a_jobs_code_sends_is_its_tenants_and_names_it(
    processes: Processes, connect: Connect, api_key: MakeKey, connection: asyncpg.Connection
) -> None:
    await processes.worker(module=STEPS)
    client = connect(await processes.web(module=STEPS), await api_key())
    told = await final(client, (await post(client, "send_several", times=3, wait=True))["id"])
    assert told["result"] == [1, 2, 3]
    both = await final(client, (await post(client, "send_in_turn"))["id"])
    assert both["result"] == 3 + 1 + 2
    children = await connection.fetch("select * from dramatiq.queue where actor like 'add_on_%'")
    assert len(children) == 3 + 4
    for row in children:
        parent = told if str(row["parent"]) == told["id"] else both
        trace = await connection.fetchval(
            "select traceparent from dramatiq.queue where message_id = $1", parent["id"]
        )
        assert (str(row["parent"]), row["tenant"], row["request_id"], row["traceparent"]) == (
            parent["id"],
            "acme",
            parent["request_id"],
            trace,
        )
        assert trace is not None
    refused = await final(client, (await post(client, "send_on_loop"))["id"])
    assert refused["error"]["type"] == "RuntimeError"


async def test_a_step_that_does_not_fit_fails_at_once(
    processes: Processes, connect: Connect, api_key: MakeKey, connection: asyncpg.Connection
) -> None:
    """Nobody has looked at its parameters before: no other version of the actor is waited for."""
    await processes.worker(module=STEPS)
    client = connect(await processes.web(module=STEPS), await api_key())
    target = json.dumps(stumble.message(a=[]).asdict())
    await connection.execute(
        "select sooner.enqueue(gen_random_uuid(), 'default', 'default', 'add_on_loop', $1, 'acme', 1::smallint,"
        " null, null, null, null, null, null, null, null, null, null, '')",
        json.dumps({"args": [1, 1], "kwargs": {}, "options": {"pipe_target": json.loads(target)}}),
    )
    step = await until(connection, "select message_id::text from dramatiq.queue where actor = 'stumble'")
    ended = await final(client, step)
    assert (ended["state"], ended["error"]["type"], ended["attempts"]) == ("error", "invalid", 1)


def test_a_secret_stands_in_no_message() -> None:
    with pytest.raises(TypeError, match="await submit"):
        pipeline([add_on_loop.message(1, 1), whisper.message("sesame")])


def test_a_group_that_would_call_back_is_refused_before_it_begins() -> None:
    several: Any = cast(Any, group)([add_on_loop.message(1, 1)], broker=broker)
    several.add_completion_callback(hear.message({}, 1))
    with pytest.raises(RuntimeError, match="submit_all"):
        several.run()


@pytest.mark.parametrize("options", [{"throws": ["ValueError"]}, {"max_retries": "2"}, {"time_limit": -1}])
def test_options_that_cannot_be_kept_to_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        fall.send_with_options(**options)
