"""What a web process answers for a tenant that is being moved to another database: come back in a moment, and nothing is written."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sooner.queue import freeze

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

TABLES = (
    "dramatiq.queue",
    "sooner.upload",
    "sooner.chunk",
    "sooner.webhook",
    "sooner.token",
    "sooner.api_key",
)
FAIL = """
update dramatiq.queue set state = 'rejected', error = '{"type": "x", "title": "x"}', finished_at = now(),
  expires_at = now() + interval '1 day'
where message_id = $1::text::uuid
"""


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def written(db: asyncpg.Connection) -> list[str | None]:
    """What is kept, but for when keys were used."""
    await db.execute("update sooner.api_key set last_used_at = null")
    return [
        await db.fetchval(f"select md5(string_agg(t::text, '' order by t::text)) from {table} as t")
        for table in TABLES
    ]


async def test_every_write_is_answered_with_come_again_and_writes_nothing(
    processes: Processes, connect: Connect, api_key: MakeKey, db: asyncpg.Connection
) -> None:
    web = await processes.web(ALLOW_PRIVATE_NETWORK="1")
    client, other = connect(web, await api_key()), connect(web, await api_key("other"))
    waiting = await post(client, "/jobs/echo", 202)
    failed, solved = await post(client, "/jobs/echo", 202), await post(client, "/jobs/echo", 202)
    for job in (failed, solved):
        await db.execute(FAIL, job["id"])
    webhook = await post(client, "/webhooks", 201, url="https://127.0.0.1/", events=["job.done"])
    await post(client, "/jobs/echo", 202, key="used")
    await freeze.freeze(db, "acme", "leaving", 600)
    before = await written(db)

    requests = [
        client.build_request("POST", "/jobs/echo", json={"n": 1}),
        client.build_request("POST", "/jobs/echo", json={}, headers={"Idempotency-Key": "new"}),
        client.build_request("POST", "/jobs/echo", json={}, headers={"Idempotency-Key": "used"}),
        client.build_request("POST", f"/jobs/{waiting['id']}/cancel"),
        client.build_request("POST", waiting["urls"]["cancel"], headers={"Authorization": ""}),
        client.build_request("POST", f"/jobs/{failed['id']}/retry"),
        client.build_request("POST", f"/jobs/{solved['id']}/resolve", json={"note": "seen"}),
        client.build_request("POST", "/uploads", content=b"bytes"),
        client.build_request("POST", "/webhooks", json={"url": "https://127.0.0.1/", "events": ["job.done"]}),
        client.build_request("POST", f"/webhooks/{webhook['id']}/test", headers={"Prefer": "wait=0"}),
        client.build_request("DELETE", f"/webhooks/{webhook['id']}"),
        client.build_request("POST", "/tokens", json={}),
    ]
    for request in requests:
        answer = await client.send(request)
        asked = f"{request.method} {request.url.path}"
        assert (asked, answer.status_code, answer.headers.get("retry-after")) == (asked, 503, "1")
        assert "moved to another database" in answer.json()["detail"]
        assert "acme" not in answer.text
    assert await written(db) == before
    assert (await client.get(f"/jobs/{waiting['id']}")).json()["state"] == "waiting"
    await post(other, "/jobs/echo", 202)

    await freeze.thaw(db, "acme")

    assert [(await client.send(request)).status_code for request in requests[5:]] == [
        202,
        200,
        201,
        201,
        202,
        204,
        201,
    ]
    assert (await client.send(requests[3])).status_code == 200


async def test_requests_of_tenants_share_a_process_but_no_refusal(
    processes: Processes, connect: Connect, api_key: MakeKey, db: asyncpg.Connection
) -> None:
    web = await processes.web()
    client, other = connect(web, await api_key()), connect(web, await api_key("other"))
    await freeze.freeze(db, "acme", "arriving", None)
    later = {"Prefer": "respond-async"}

    answers = await asyncio.gather(
        *(
            each.post("/jobs/echo", json={"n": number}, headers=later)
            for number in range(40)
            for each in (client, other)
        )
    )

    assert [answer.status_code for answer in answers] == [503, 202] * 40
    tenants = await db.fetch("select tenant, count(*) from dramatiq.queue group by tenant")
    assert [tuple(row) for row in tenants] == [("other", 40)]


async def post(
    client: httpx.AsyncClient, path: str, status: int, *, key: str = "", **body: Any
) -> dict[str, Any]:
    """Posts something; the answer."""
    headers = {"Prefer": "respond-async"} | ({"Idempotency-Key": key} if key else {})
    answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    return document
