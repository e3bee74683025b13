"""Programs and running jobs that submit for a tenant that is being moved to another database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import dramatiq.broker
import pytest

from sooner import Sooner
from sooner.db import TenantMoves
from sooner.queue import freeze
from tests.support.callers import broker, double, only_one
from tests.support.jobs import final, post, processing
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

ACTORS = "tests.support.callers"
COUNT = "select count(*) from dramatiq.queue"


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A bare connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def program(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sooner]:
    """A program of the deployment: it has the actors."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", broker)
    async with Sooner(database_url) as sooner:
        yield sooner


async def test_a_program_is_refused_and_adds_nothing(program: Sooner, sql: asyncpg.Connection) -> None:
    waiting = await program.submit(double, {"number": 1}, tenant="acme")
    await freeze.freeze(sql, "acme", "leaving", None)

    for call in (
        program.submit(double, {"number": 1}, tenant="acme"),
        program.submit("unknown", {}, tenant="acme"),
        program.submit(only_one, {"seconds": 1}, tenant="acme"),
        program.submit_all([(double, {"number": 1}), (double, {"number": 2})], tenant="acme"),
        program.submit_all([(double, {"number": 1}), ("unknown", {})], tenant="acme"),
        waiting.cancel(),
    ):
        with pytest.raises(TenantMoves, match="the tenant acme is being moved to another database"):
            await call

    assert await sql.fetchval(COUNT) == 1
    assert (await waiting.document())["state"] == "waiting"
    await freeze.thaw(sql, "acme")
    assert await waiting.cancel() == "cancelled"


async def test_calls_that_share_a_statement_are_refused_one_by_one(
    program: Sooner, sql: asyncpg.Connection
) -> None:
    await freeze.freeze(sql, "acme", "gone", None)
    tenants = ["acme", "other"] * 20

    outcomes = await asyncio.gather(
        *(
            call
            for number, tenant in enumerate(tenants)
            for call in (
                program.submit(double, {"number": number}, tenant=tenant),
                program.submit(double, {"number": number}, tenant=tenant, idempotency_key=str(number)),
                program.submit("unknown", {}, tenant=tenant),
            )
        ),
        return_exceptions=True,
    )

    assert [isinstance(outcome, TenantMoves) for outcome in outcomes] == [True] * 3 + (
        [False] * 3 + [True] * 3
    ) * 19 + [False] * 3
    rows = await sql.fetch("select tenant, count(*) from dramatiq.queue group by tenant")
    assert [tuple(row) for row in rows] == [("other", 60)]


async def test_a_callers_transaction_goes_on_without_the_job(
    program: Sooner, sql: asyncpg.Connection
) -> None:
    await freeze.freeze(sql, "acme", "leaving", None)
    async with sql.transaction():
        for actor in (double, "unknown"):
            with pytest.raises(TenantMoves):
                async with sql.transaction():
                    await program.submit(actor, {"number": 1}, tenant="acme", connection=sql)
        await program.submit(double, {"number": 1}, tenant="other", connection=sql)

    assert await sql.fetchval(COUNT) == 1


async def test_what_runs_submits_in_every_way_while_its_tenant_leaves(
    processes: Processes, connect: Connect, api_key: MakeKey, sql: asyncpg.Connection
) -> None:
    web = await processes.web(module=ACTORS)
    await processes.worker(module=ACTORS)
    client, other = connect(web, await api_key()), connect(web, await api_key("other"))
    awaited = (await other.post("/jobs/double?delay=3600", json={"number": 1})).json()["id"]
    parent = await post(client, "call_after", id=awaited)
    await processing(client, parent["id"])
    await freeze.freeze(sql, "acme", "leaving", None)

    await sql.execute("update dramatiq.queue set due_at = now() where message_id = $1", UUID(awaited))
    await sql.execute('notify "sooner.postponed"')
    ended = await final(client, parent["id"])

    assert ended["state"] == "done", ended["error"]
    ids = [UUID(id) for id in ended["result"]]
    rows = await sql.fetch(
        "select tenant, state::text, count(*) from dramatiq.queue where message_id = any($1) group by 1, 2",
        ids,
    )
    assert [tuple(row) for row in rows] == [("acme", "queued", len(set(ids)))]
    await freeze.thaw(sql, "acme")
    await until(
        sql,
        "select count(*) = $2 from dramatiq.queue where message_id = any($1) and state = 'done'",
        ids,
        len(set(ids)),
    )
