"""submit, submit_all, handle, Sooner: jobs from a program's own code, and from that of jobs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import databases as databases_library
import dramatiq.broker
import psycopg2
import pytest
from pydantic import SecretBytes, SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from sooner import Invalid, JobError, Sooner, handle, submit, submit_all
from tests.faults.proxy import Proxy
from tests.support import ROOT
from tests.support.callers import (
    add_up,
    break_down,
    broker,
    call,
    double,
    measure_secret,
    one_by_one,
    only_one,
)
from tests.support.environment import environment
from tests.support.jobs import final, post

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

ACTORS = "tests.support.callers"
REFUSE_THE_LAST = """
create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise exception 'the last'; end $$;
create trigger refuse before insert on dramatiq.queue for each row when (new.message->'kwargs'->>'number' = '9')
execute function pg_temp.refuse();
"""
COUNT = "select count(*) from dramatiq.queue"


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def program(
    database_url: str, secret_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sooner]:
    """A program of the deployment: it has the actors, and the public key."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", broker)
    async with Sooner(database_url, secrets_public_key=secret_keys["SECRETS_PUBLIC_KEY"]) as sooner:
        yield sooner


@pytest.fixture
async def outside(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sooner]:
    """A program that knows no actor."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", None)
    async with Sooner(database_url) as sooner:
        yield sooner


async def test_what_a_jobs_code_submits_is_its_tenants_and_its_child(
    processes: Processes, connect: Connect, api_key: MakeKey, sql: asyncpg.Connection
) -> None:
    await processes.worker(module=ACTORS)
    client = connect(await processes.web(module=ACTORS), await api_key())
    parent = await final(client, (await post(client, "call", numbers=[1, 2, 3]))["id"])
    assert parent["result"] == [2, 4, 6, 1, 6]
    assert parent["parent"] is None
    page = (await client.get(f"/jobs?parent={parent['id']}&limit=3")).json()
    rest = (await client.get(page["next"])).json()
    children = page["items"] + rest["items"]
    assert [child["actor"] for child in children] == ["measure_secret", "one_by_one", *["double"] * 3]
    assert {(child["parent"], child["request_id"]) for child in children} == {
        (parent["id"], parent["request_id"])
    }
    assert {child["priority"] for child in children if child["actor"] == "double"} == {"high"}
    done = await client.get(f"/jobs?parent={parent['id']}&actor=double&state=done")
    assert len(done.json()["items"]) == 3
    stranger = connect(await processes.web(module=ACTORS), await api_key(tenant="other"))
    assert (await stranger.get(f"/jobs?parent={parent['id']}")).json()["items"] == []
    assert (await client.get("/jobs?parent=x")).status_code == 422
    row = await sql.fetchrow(
        "select message::text, sealed::text, traceparent from dramatiq.queue where sealed is not null"
    )
    assert row is not None
    assert "sesame" not in row["message"]
    traces = await sql.fetchval("select count(distinct traceparent) from dramatiq.queue")
    assert traces == 1
    detached = await final(client, (await post(client, "call_detached"))["id"])
    alone = (await client.get(f"/jobs/{detached['result']}")).json()
    assert (alone["parent"], alone["request_id"]) == (None, detached["request_id"])
    threaded = await final(client, (await post(client, "call_from_thread"))["id"])
    assert threaded["result"] == 10
    assert len((await client.get(f"/jobs?parent={threaded['id']}")).json()["items"]) == 1
    cancelling = await final(client, (await post(client, "call_and_cancel"))["id"])
    assert cancelling["result"] in {"cancelled", "processing"}


async def test_a_job_that_waits_for_others_holds_no_place(processes: Processes, program: Sooner) -> None:
    worker = await processes.worker(module=ACTORS, WORKER_CONCURRENCY="1")
    assert await (await program.submit(add_up, {"number": 3})).result() == 6
    assert await asyncio.gather(
        *(each.result() for each in await program.submit_all([(double, {"number": 2})] * 3))
    )
    assert await worker.terminate() == 0


async def test_a_program_follows_what_it_submits(
    processes: Processes, program: Sooner, outside: Sooner, sql: asyncpg.Connection
) -> None:
    await processes.worker(module=ACTORS)
    for sooner in (program, outside):
        actor: Any = double if sooner is program else "double"
        one = await sooner.submit(actor, {"number": 4}, tenant="acme")
        assert await one.result() == 8
        document = await one.document()
        assert (document["state"], document["result"], document["params"]) == ("done", 8, {"number": 4})
        assert (document["urls"]["self"], document["parent"]) == (f"/jobs/{one.id}", None)
        later = await sooner.submit(actor, {"number": 1}, delay=60)
        assert await later.cancel() == "cancelled"
        with pytest.raises(JobError, match="cancelled"):
            await later.result()
        with pytest.raises(LookupError, match="no job"):
            await sooner.handle("019a0000-0000-7000-8000-000000000000").result()
        slow = await sooner.submit(only_one if sooner is program else "only_one", {"seconds": 0.3})
        states = [each["state"] async for each in slow.follow()]
        assert (states[0], states[-1]) in {("waiting", "done"), ("processing", "done")}
    async with Sooner(str(processes.settings("web")["DATABASE_URL"]), listen=False) as polling:
        assert await (await polling.submit(double, {"number": 6})).result() == 12
    failed = await program.submit(break_down)
    with pytest.raises(JobError) as raised:
        await failed.result()
    assert (raised.value.type, raised.value.detail) == ("ValueError", None)
    unfit = await outside.submit("double", {"numbers": 1}, tenant="acme")
    with pytest.raises(JobError) as raised:
        await unfit.result()
    assert (raised.value.type, raised.value.document["attempts"]) == ("invalid", 1)
    for actor in ("double", "one_by_one"):
        id = await sql.fetchval("select sooner.submit($1, '[1]', tenant => 'acme')", actor)
        with pytest.raises(JobError, match="an object is needed"):
            await outside.handle(id).result()
    limited = await outside.submit("one_by_one", {"number": 5})
    assert await limited.result() == 5


async def test_the_environment_says_where_the_database_is(
    database_url: str, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dramatiq.broker, "global_broker", broker)
    with pytest.raises(RuntimeError, match="DATABASE_URL: missing"):
        await submit(double, {"number": 1})
    monkeypatch.setenv("DATABASE_URL", database_url)
    one = await submit(double, {"number": 1})
    many = await submit_all(
        [(double, {"number": 2}), ("double", {"number": 3}, {"priority": "low"})], delay=60
    )
    assert (await handle(str(one.id)).document())["params"] == {"number": 1}
    rows = await sql.fetch(
        "select message_id, priority, due_at is null as is_due from dramatiq.queue order by 1"
    )
    assert [tuple(row) for row in rows] == [(one.id, 0, True), (many[0].id, 0, False), (many[1].id, 2, False)]
    assert await submit_all([]) == []


async def test_many_at_once_share_statements_and_no_fault(
    program: Sooner, outside: Sooner, sql: asyncpg.Connection, database_url: str
) -> None:
    async with Sooner(database_url) as elsewhere:
        calls = [
            *(program.submit(double, {"number": number}) for number in range(50)),
            *(program.submit(only_one, {"seconds": number}) for number in range(50)),
            *(program.submit(double, {"number": 0}, idempotency_key=f"k{number}") for number in range(50)),
            *(elsewhere.submit(f"elsewhere{number}", {"number": number}) for number in range(50)),
        ]
        unfit = elsewhere.submit("elsewhere", {"text": "\0"})
        *handles, refused = await asyncio.gather(*calls, unfit, return_exceptions=True)
    assert isinstance(refused, Invalid)
    rows = await sql.fetch(
        "select message_id, actor, message->'kwargs'->>'number' as number from dramatiq.queue"
    )
    assert {row["message_id"] for row in rows} == {
        each.id for each in handles if not isinstance(each, BaseException)
    }
    assert {
        row["actor"].removeprefix("elsewhere"): row["number"] for row in rows if "elsewhere" in row["actor"]
    } == {str(number): str(number) for number in range(50)}
    assert len(rows) == 200


async def test_what_goes_by_two_statements_is_there_whole_or_not_at_all(
    program: Sooner, sql: asyncpg.Connection
) -> None:
    await program.submit(double, {"number": 1}, idempotency_key="k")
    with pytest.raises(Invalid):
        await program.submit_all([("elsewhere", {}), (double, {"number": 2}, {"idempotency_key": "k"})])
    assert await sql.fetchval(COUNT) == 1
    both = await program.submit_all([("elsewhere", {}), (double, {"number": 2})])
    rows = await sql.fetch(
        "select message_id, actor from dramatiq.queue where message_id = any($1)", [each.id for each in both]
    )
    assert {row["message_id"]: row["actor"] for row in rows} == {
        both[0].id: "elsewhere",
        both[1].id: "double",
    }


@pytest.mark.parametrize("listen", [True, False])
async def test_what_one_statement_cannot_hold_is_there_whole_or_not_at_all(
    program: Sooner,
    database_url: str,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    *,
    listen: bool,
) -> None:
    monkeypatch.setattr("sooner.db.group.TOGETHER", 1000)
    await sql.execute(REFUSE_THE_LAST)
    calls = [(double, {"number": number}) for number in range(10)]
    async with Sooner(database_url, listen=listen) as sooner:
        with pytest.raises(asyncpg.RaiseError, match="the last"):
            await sooner.submit_all(calls)
        assert await sql.fetchval(COUNT) == 0
        await sooner.submit_all([*calls[:9], ("elsewhere", {})])
        ids = [each.id for each in await sooner.submit_all(calls[:9])]
    assert await sql.fetchval(COUNT) == 19
    params = await sql.fetch(
        "select message_id, message->'kwargs'->>'number' as number from dramatiq.queue where message_id = any($1)",
        ids,
    )
    assert {row["message_id"]: row["number"] for row in params} == {
        id: str(number) for number, id in enumerate(ids)
    }


async def test_keys_make_one_job(program: Sooner, outside: Sooner, sql: asyncpg.Connection) -> None:
    same = [await program.submit(double, {"number": 1}, idempotency_key="k") for _ in range(2)]
    same += [await outside.submit("double", {"number": 1}, idempotency_key="k")]
    assert len({each.id for each in same}) == 1
    for sooner, actor in ((program, double), (outside, "double")):
        with pytest.raises(Invalid, match="other parameters"):
            await sooner.submit(actor, {"number": 2}, idempotency_key="k")
    twins = await program.submit_all(
        [(only_one, {"seconds": 1}), (only_one, {"seconds": 2}), (only_one, {"seconds": 1.0})]
    )
    assert twins[0] == twins[2] != twins[1]
    assert await sql.fetchval(COUNT) == 3


async def sqlalchemys(url: str) -> AsyncIterator[Any]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    for _ in range(2):
        async with engine.connect() as connection:
            yield connection
    await engine.dispose()


async def sessions(url: str) -> AsyncIterator[Any]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    for _ in range(2):
        async with AsyncSession(engine) as session:
            await session.execute(text("select 1"))
            yield session
    await engine.dispose()


class TeamsSession(AsyncSession):
    """A session of a class of the team's own, as SQLModel's is."""


async def teams_sessions(url: str) -> AsyncIterator[Any]:
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    for _ in range(2):
        async with TeamsSession(engine) as session:
            yield session
    await engine.dispose()


async def asyncpgs(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url)
    # A program may have codecs of its own.
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    for _ in range(2):
        transaction = connection.transaction()
        await transaction.start()
        yield Ending(connection, transaction)
    await connection.close()


async def databases(url: str) -> AsyncIterator[Any]:
    async with databases_library.Database(url) as database:
        for _ in range(2):
            transaction = await database.transaction()
            yield Ending(database, transaction)


class TeamsDatabase(databases_library.Database):
    """One of a class of the team's own."""


async def teams_databases(url: str) -> AsyncIterator[Any]:
    async with TeamsDatabase(url) as database:
        for _ in range(2):
            transaction = await database.transaction()
            yield Ending(database, transaction)


class Ending:
    """A connection, with its transaction's own way to end."""

    def __init__(self, connection: Any, transaction: Any) -> None:
        self.connection = connection
        self.commit = transaction.commit
        self.rollback = transaction.rollback


@pytest.mark.parametrize(
    "kind", [asyncpgs, databases, teams_databases, sqlalchemys, sessions, teams_sessions]
)
async def test_a_job_is_there_if_the_callers_transaction_commits_and_only_then(
    kind: Any, program: Sooner, sql: asyncpg.Connection, database_url: str
) -> None:
    end, jobs = "rollback", []
    async for given in kind(database_url):
        connection = given.connection if isinstance(given, Ending) else given
        jobs = await program.submit_all(
            [(double, {"number": 1}), ("elsewhere", {"a": 1}), (one_by_one, {"number": 1})],
            connection=connection,
            tenant="acme",
        )
        jobs.append(
            await program.submit(measure_secret, {"token": SecretStr("sesame")}, connection=connection)
        )
        assert await sql.fetchval(COUNT) == 0
        await getattr(given, end)()
        assert await sql.fetchval(COUNT) == (0 if end == "rollback" else 4)
        end = "commit"
    rows = await sql.fetch(
        "select message_id, lane, tenant, message::text, sealed::text from dramatiq.queue order by 1"
    )
    assert {row["message_id"] for row in rows} == {each.id for each in jobs}
    assert [row["lane"] for row in rows] == ["default"] * 4
    assert "sesame" not in "".join(row["message"] for row in rows)
    assert "/token" in rows[-1]["sealed"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_a_job_of_a_two_phase_commit_waits_for_its_second_phase(
    end: str, program: Sooner, sql: asyncpg.Connection, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("begin; set local sooner.notify = off")
    both = await program.submit_all([(double, {"number": 1}), ("elsewhere", {})], connection=connection)
    await connection.execute("prepare transaction 'orders'")
    # The program dies in between: whoever coordinates goes on.
    connection.terminate()
    assert await sql.fetchval(COUNT) == 0
    await sql.execute(f"{end} prepared 'orders'")
    ids = [row["message_id"] for row in await sql.fetch("select message_id from dramatiq.queue")]
    assert sorted(ids) == (sorted(each.id for each in both) if end == "commit" else [])


async def test_a_connection_that_cannot_hold_it_is_refused(
    program: Sooner, sql: asyncpg.Connection, database_url: str
) -> None:
    with pytest.raises(ValueError, match="in no transaction"):
        await program.submit(double, {"number": 1}, connection=sql)
    synchronous = psycopg2.connect(database_url)
    with pytest.raises(TypeError, match=r"select sooner\.submit"):
        await program.submit(double, {"number": 1}, connection=synchronous)
    # With any other driver.
    with synchronous, synchronous.cursor() as cursor:
        cursor.execute("select sooner.submit('double', %s, tenant => %s)", ('{"number": 1}', "acme"))
    synchronous.close()
    assert await sql.fetchval(COUNT) == 1


KILLED = """
import asyncio, os, signal, sys, asyncpg
from sooner import submit

async def main():
    connection = await asyncpg.connect(sys.argv[1])
    async with connection.transaction():
        await connection.execute("create table orders (id integer)")
        await submit("double", {"number": 1}, connection=connection)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_program_that_is_killed_before_its_commit_leaves_neither(
    sql: asyncpg.Connection, database_url: str
) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database_url, cwd=ROOT, env=environment({"DATABASE_URL": database_url})
    )
    assert await program.wait() == -signal.SIGKILL
    assert await sql.fetchval(COUNT) == 0
    assert await sql.fetchval("select to_regclass('orders')") is None


@pytest.mark.parametrize(
    ("actor", "params", "options", "told"),
    [
        (double, {"number": "x"}, {}, "#/number"),
        (double, {"number": float("nan")}, {}, "NaN"),
        (double, ["x"], {}, "an object is needed"),
        (double, {"number": object()}, {}, "no JSON"),
        ("elsewhere", {"text": b"\xff"}, {}, "no JSON"),
        ("elsewhere", {"text": "\0"}, {}, "NUL"),
        (double, {"number": 1}, {"priority": "urgent"}, "high, normal, low"),
        (double, {"number": 1}, {"delay": -1}, "seconds from now"),
        (double, {"number": 1}, {"delay": 1, "run_at": datetime.now(UTC)}, "either delay or run_at"),
        (double, {"number": 1}, {"run_at": datetime(2030, 1, 1)}, "needs its zone"),  # noqa: DTZ001
        (double, {"number": 1}, {"idempotency_key": "a b"}, "visible ASCII"),
        ("elsewhere", {"text": "\ud800"}, {}, "surrogate"),
        ("elsewhere", {}, {"delay": timedelta(seconds=5)}, "delay is a number of seconds"),
        (double, {"number": 1}, {"cancel_after": "5"}, "cancel_after is a number of seconds"),
        (double, {"number": 1}, {"run_at": "2030-01-01"}, "run_at is a datetime"),
        (double, {"number": 1}, {"run_at": datetime.max.replace(tzinfo=UTC)}, "a hundred years ahead"),
        (double, {"number": 1}, {"idempotency_key": 5}, "visible ASCII"),
        ("elsewhere", {}, {"tenant": 5}, "tenant is a text"),
        (double, {"number": 1}, {"tenant": "a\0"}, "tenant is a text"),
    ],
    ids=range(19),
)
async def test_what_cannot_be_kept_to_is_refused(
    actor: Any, params: Any, options: Any, told: str, program: Sooner, sql: asyncpg.Connection
) -> None:
    with pytest.raises(Invalid) as raised:
        await program.submit(actor, params, **options)
    assert told in f"{raised.value} {raised.value.members['errors']}"
    assert await sql.fetchval(COUNT) == 0


async def test_values_of_pythons_types_are_stored_as_json(program: Sooner, sql: asyncpg.Connection) -> None:
    params = {
        "bytes": b"text",
        "tuple": (1, SecretStr("a"), MappingProxyType({"deep": SecretStr("b")})),
        "long": 10**30,
        "secret": SecretBytes(b"c"),
    }
    job = await program.submit("elsewhere", params)
    stored = await sql.fetchval("select message->>'kwargs' from dramatiq.queue where message_id = $1", job.id)
    assert json.loads(stored) == {
        "bytes": "text",
        "tuple": [1, "a", {"deep": "b"}],
        "long": 10**30,
        "secret": "c",
    }


async def test_what_is_no_actor_and_what_is_no_option_is_told(program: Sooner) -> None:
    with pytest.raises(TypeError, match="an actor, or its name"):
        await program.submit(cast(Any, call.fn), {})
    with pytest.raises(TypeError, match=r"no option wait: .*delay"):
        await program.submit(double, {"number": 1}, wait=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no option tenant of its own: priority, .*idempotency_key$"):
        await program.submit_all([(double, {"number": 1}, {"tenant": "acme"})])
    shapes: list[Any] = [double, "double", ("double",), (double, {}, {}, {}), (double, {}, 5)]
    for each in shapes:
        with pytest.raises(TypeError, match=r"each job is \(actor, params\) or"):
            await program.submit_all([each])


async def test_times_are_kept_to(program: Sooner, outside: Sooner, sql: asyncpg.Connection) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    for sooner, actor in ((program, double), (outside, "double")):
        await sooner.submit(actor, {"number": 1}, run_at=at, cancel_after=7200)
    rows = await sql.fetch("select due_at, cancel_at - created_at as lasts from dramatiq.queue")
    assert [tuple(row) for row in rows] == [(at, timedelta(hours=2))] * 2


@pytest.mark.parametrize("actor", [double, "elsewhere"], ids=["declared", "by name"])
async def test_a_job_whose_first_answer_is_lost_is_there_once(
    database_url: str, sql: asyncpg.Connection, actor: Any
) -> None:
    async with Proxy(database_url) as proxy, Sooner(proxy.url) as sooner:
        await sooner.submit(actor, {"number": 1})
        await sql.execute("truncate dramatiq.queue")
        proxy.cut = 1
        submitting = asyncio.create_task(sooner.submit(actor, {"number": 2}))
        await asyncio.wait_for(proxy.has_cut.wait(), 10)
        proxy.cut = 0
        submitted = await submitting
    assert [row["message_id"] for row in await sql.fetch("select message_id from dramatiq.queue")] == [
        submitted.id
    ]
