"""`select sooner.submit(…)`: a job in the transaction of any program, in any language."""

import json

import asyncpg
import pytest

Connection = asyncpg.Connection

WORKER = """
insert into sooner.worker (id, name, queues, expires_at, actors, claims, declared)
values (gen_random_uuid(), 'w', '{}', now() + interval '1 hour',
  '{"echo": "default", "limited": "busy", "closed": "default"}',
  '{"default": ["echo", "closed"], "busy.limited": ["limited"]}',
  '{"limited": {"priority": 0}, "closed": {"secrets": ["token"]}}')
"""


async def submit(sql: "Connection[asyncpg.Record]", arguments: str) -> "asyncpg.Record":
    """The row of what is submitted."""
    id = await sql.fetchval(f"select sooner.submit({arguments})")
    row = await sql.fetchrow("select * from dramatiq.queue where message_id = $1", id)
    assert row is not None
    return row


async def test_what_is_said_stands_in_the_row(sql: "Connection[asyncpg.Record]") -> None:
    row = await submit(
        sql,
        "'echo', '{\"a\": 1}', tenant => 'acme', priority => 'high', delay => 60, cancel_after => 5, request_id => 'r',"
        " traceparent => 't', idempotency_key => 'k', parent => '019a0000-0000-7000-8000-000000000000'",
    )
    message = json.loads(row["message"])
    assert (message["actor_name"], message["kwargs"], message["message_id"]) == (
        "echo",
        {"a": 1},
        str(row["message_id"]),
    )
    assert (row["tenant"], row["priority"], row["request_id"], row["traceparent"]) == ("acme", 0, "r", "t")
    assert (row["due_at"] - row["created_at"]).total_seconds() == 60
    assert (row["cancel_at"] - row["created_at"]).total_seconds() == 5
    assert str(row["parent"]) == "019a0000-0000-7000-8000-000000000000"


async def test_it_lies_where_living_workers_say(sql: "Connection[asyncpg.Record]") -> None:
    await sql.execute(WORKER)
    plain, limited = await submit(sql, "'echo'"), await submit(sql, "'limited'")
    unknown = await submit(sql, "'unknown', priority => 'low'")
    assert [(row["queue_name"], row["lane"], row["priority"]) for row in (plain, limited, unknown)] == [
        ("default", "default", 1),
        # From there it is brought to where it counts.
        ("busy", "busy", 0),
        ("default", "default", 2),
    ]


async def test_what_workers_declared_holds_while_none_runs(sql: "Connection[asyncpg.Record]") -> None:
    await sql.execute(WORKER)
    await sql.execute("delete from sooner.worker")
    limited = await submit(sql, "'limited'")
    assert (limited["queue_name"], limited["priority"]) == ("busy", 0)
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="secret parameters"):
        await submit(sql, "'closed', '{\"token\": \"x\"}'")
    await sql.execute(
        WORKER.replace('"secrets": ["token"]', '"secrets": []').replace(
            '"limited": "busy"', '"limited": "new"'
        )
    )
    await sql.execute("delete from sooner.worker")
    assert (await submit(sql, "'limited'"))["queue_name"] == "new"
    assert await submit(sql, "'closed', '{\"token\": \"x\"}'")


async def test_it_is_there_if_its_transaction_commits_and_only_then(
    sql: "Connection[asyncpg.Record]", database_url: str
) -> None:
    heard: list[str] = []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("dramatiq.default.enqueue", lambda *told: heard.append(str(told[3])))
    for end in ("rollback", "commit"):
        await sql.execute("begin")
        await submit(sql, "'echo'")
        assert await listener.fetchval("select count(*) from dramatiq.queue") == 0
        assert heard == []
        await sql.execute(end)
    await listener.execute("select 1")
    assert await listener.fetchval("select count(*) from dramatiq.queue") == 1
    assert len(heard) == 1
    await listener.close()


async def test_rounds_go_on_behind_the_tenants_own(sql: "Connection[asyncpg.Record]") -> None:
    first, second = await submit(sql, "'echo', tenant => 'a'"), await submit(sql, "'echo', tenant => 'a'")
    other = await submit(sql, "'echo', tenant => 'b'")
    assert [row["turn"] - first["turn"] for row in (first, second, other)] == [0, 1, 0]


async def test_a_key_makes_one_job_for_a_day(sql: "Connection[asyncpg.Record]") -> None:
    for tenant in ("null", "'acme'"):
        same = [
            await submit(sql, f"'echo', '{{\"a\": 1}}', tenant => {tenant}, idempotency_key => 'k'")
            for _ in range(2)
        ]
        assert same[0]["message_id"] == same[1]["message_id"]
        with pytest.raises(asyncpg.UniqueViolationError, match="'k' was used"):
            await submit(sql, f"'echo', '{{\"a\": 2}}', tenant => {tenant}, idempotency_key => 'k'")
        await sql.execute("update dramatiq.queue set created_at = created_at - interval '25 hours'")
        later = await submit(sql, f"'echo', '{{\"a\": 2}}', tenant => {tenant}, idempotency_key => 'k'")
        assert later["message_id"] != same[0]["message_id"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("''", "needs an actor"),
        ("'echo', null", "params are null"),
        ("'echo', priority => 'urgent'", "high, normal or low"),
        ("'echo', delay => -1", "seconds from now"),
        ("'echo', delay => 'NaN'", "a hundred years ahead"),
        ("'echo', cancel_after => 'infinity'", "a hundred years ahead"),
        ("'echo', run_at => 'infinity'", "a hundred years ahead"),
        ("'echo', run_at => '9999-12-31'", "a hundred years ahead"),
        ("'echo', idempotency_key => 'a b'", "visible ASCII"),
        ("'closed', '{\"token\": \"x\"}'", "secret parameters"),
    ],
)
async def test_what_cannot_be_kept_to_is_refused(
    arguments: str, told: str, sql: "Connection[asyncpg.Record]"
) -> None:
    await sql.execute(WORKER)
    with pytest.raises(asyncpg.PostgresError, match=told):
        await submit(sql, arguments)


async def test_a_transaction_that_is_prepared_says_so(sql: "Connection[asyncpg.Record]") -> None:
    if await sql.fetchval("show max_prepared_transactions") == "0":
        pytest.skip("the server prepares no transactions")
    await sql.execute("begin")
    await submit(sql, "'echo'")
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="NOTIFY"):
        await sql.execute("prepare transaction 'orders'")
    await sql.execute("rollback")
    for end in ("rollback", "commit"):
        await sql.execute("begin")
        await sql.execute("set local sooner.notify = off")
        await submit(sql, "'echo'")
        await sql.execute("prepare transaction 'orders'")
        assert await sql.fetchval("select count(*) from dramatiq.queue") == 0
        await sql.execute(f"{end} prepared 'orders'")
    assert await sql.fetchval("select count(*) from dramatiq.queue") == 1


async def test_an_id_that_is_given_again_is_that_of_the_same_job(sql: "Connection[asyncpg.Record]") -> None:
    given = "'echo', id => '019a0000-0000-7000-8000-000000000001'"
    first, again = await submit(sql, given), await submit(sql, given)
    assert first == again
    new = "sooner.enqueue($1, 'default', 'default', 'echo', '{}', null, 1::smallint" + ", null" * 11 + ")"
    with pytest.raises(asyncpg.UniqueViolationError, match="queue_pkey"):
        await sql.fetchval(f"select {new}", first["message_id"])
