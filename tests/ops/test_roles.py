"""Least privilege: each process does its work under its own role, and what it has no business with is refused."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support import roles
from tests.support.jobs import fetch, final, post, processing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import Connect, MakeKey
    from tests.support.databases import Databases
    from tests.support.processes import Processes

ACTORS = "tests.support.actors"

NEW_KEY = """
insert into sooner.api_key (id, tenant, name, scopes, digest) values (gen_random_uuid(), 'mine', '', '{admin}', '')
"""
FORBIDDEN = {
    "web": [
        "update dramatiq.queue set sealed = null",
        "update dramatiq.queue set result = '1'",
        "update dramatiq.queue set fence = 7",
        "update dramatiq.queue set attempts = 0",
        "update dramatiq.queue set message = '{}'",
        "update dramatiq.queue set tenant = 'mine'",
        "update dramatiq.queue set sent_at = null",
        "delete from dramatiq.queue",
        "update sooner.worker set expires_at = 'infinity'",
        "update sooner.lease set holder = null",
        NEW_KEY,
        "update sooner.api_key set scopes = '{admin}'",
    ],
    "worker": [
        "update dramatiq.queue set message = '{}'",
        "update dramatiq.queue set sealed = null",
        "update dramatiq.queue set tenant = 'mine'",
        "update dramatiq.queue set notify = '[]'",
        "select digest from sooner.api_key",
        "update sooner.lease set holder = null",
        "update sooner.webhook set secret = 'mine'",
        NEW_KEY,
    ],
    "scheduler": [
        "select message from dramatiq.queue",
        "select result from dramatiq.queue",
        "select error from dramatiq.queue",
        "select sealed from dramatiq.queue",
        "select progress from dramatiq.queue",
        "update dramatiq.queue set state = 'done'",
        "delete from dramatiq.queue",
        "select * from sooner.api_key",
        "select * from sooner.chunk",
        "select * from sooner.webhook",
        "select sooner.submit('echo')",
    ],
    "client": [
        "select message_id from dramatiq.queue",
        'insert into dramatiq.queue (message_id, message) values (gen_random_uuid(), \'{"actor_name": "echo"}\')',
        "select sooner.tell_webhooks(gen_random_uuid(), 'acme', 'done')",
        "select * from sooner.api_key",
    ],
}
NOBODY = [
    "alter table dramatiq.queue add column mine text",
    "drop table sooner.queue",
    "create table sooner.mine (id integer)",
    "create table public.mine (id integer)",
    "create or replace function dramatiq.clock() returns timestamptz language sql return pg_catalog.now()",
    "update sooner.alembic_version set version_num = '0'",
    "truncate dramatiq.queue",
]
CASES = [(name, query) for name, queries in FORBIDDEN.items() for query in [*queries, *NOBODY]]


@pytest.fixture(scope="module")
def granted_url(databases: Databases) -> Iterator[str]:
    """A database for the questions of this module, none of which changes it. Granted again, as after a migration."""
    name = databases.migrated()
    roles.grant(databases.url(name))
    yield databases.url(name)
    databases.drop(name)


@contextlib.asynccontextmanager
async def signed_in(database_url: str, name: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(roles.address(database_url, name))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize(("name", "query"), CASES)
async def test_it_is_refused(name: str, query: str, granted_url: str) -> None:
    async with signed_in(granted_url, name) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(query)


async def test_other_programs_submit_and_no_more(database_url: str) -> None:
    async with signed_in(database_url, "client") as connection:
        id = await connection.fetchval("select sooner.submit('echo', '{\"a\": 1}', tenant => 'acme')")
    [row] = await fetch(
        database_url, "select message_id, tenant, actor, message->'kwargs' as params from dramatiq.queue"
    )
    assert dict(row) == {"message_id": id, "tenant": "acme", "actor": "echo", "params": '{"a": 1}'}


async def test_each_process_does_its_work_under_its_own_role(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key(scopes=["jobs", "admin"]))
    worker = await processes.worker(module=ACTORS)
    scheduler = await processes.scheduler()

    done = await post(client, "use_secret", prefer="wait=20", way="measure", token="sesame")
    failed = await post(client, "fail", prefer="wait=20")
    retried = await client.post(f"/jobs/{failed['id']}/retry")
    await final(client, failed["id"])
    resolved = await client.post(f"/jobs/{failed['id']}/resolve", json={"note": "seen"})
    running = await post(client, "sleep", seconds=600)
    await processing(client, running["id"])
    cancelled = await client.post(f"/jobs/{running['id']}/cancel")
    later = await client.post("/jobs/echo?delay=1", json={"late": True})
    uploaded = await client.post("/uploads", content=b"some bytes")
    paused = await client.post("/queues/other/pause")
    reads = [await client.get(path) for path in ("/jobs", "/actors", "/queues", "/metrics")]

    assert done["state"] == "done"
    assert retried.status_code == 202
    assert resolved.json()["state"] == "error_resolved"
    assert cancelled.status_code == 202
    assert (await final(client, running["id"]))["state"] == "cancelled"
    assert (await final(client, later.json()["id"]))["result"] == {"late": True}
    assert uploaded.status_code == 201
    assert paused.status_code in {200, 404}
    assert [answer.status_code for answer in reads] == [200] * 4
    assert [await process.terminate() for process in (worker, scheduler)] == [0, 0]
