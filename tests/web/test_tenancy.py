"""Every route with another tenant's id answers as it answers an unknown one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
from starlette.routing import Route

from sooner.queue.ids import uuid7
from sooner.web.routes import ROUTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    import httpx

    from tests.conftest import Connect, MakeKey, Service

#: Members and headers that are of the one exchange.
MOVING = {"date", "x-request-id"}

#: The log of a job is the operators': no id is looked at for another key.
OF_OPERATORS = [("GET", "/jobs/{id}/logs")]

OF_A_JOB = sorted(
    (method, route.path)
    for route in ROUTES
    if isinstance(route, Route) and "{id}" in route.path and route.path.startswith("/jobs/")
    for method in (route.methods or set()) - {"HEAD"}
    if (method, route.path) not in OF_OPERATORS
)


@pytest.fixture
async def db(
    service: Service, settings: dict[str, dict[str, str | None]]
) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the test's database."""
    connection = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    yield connection
    await connection.close()


@pytest.fixture
async def stranger(service: Service, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of another tenant."""
    return connect(service.web, await api_key("globex"))


async def ask(
    client: httpx.AsyncClient, id: UUID | str, routes: list[tuple[str, str]] = OF_A_JOB
) -> list[tuple[Any, ...]]:
    """What every route answers for an id, without what differs from exchange to exchange."""
    answers = [await client.request(method, path.replace("{id}", str(id))) for method, path in routes]
    return [
        (
            answer.status_code,
            answer.content,
            {name: value for name, value in answer.headers.items() if name not in MOVING},
        )
        for answer in answers
    ]


def test_the_routes_of_a_job_are_all_met() -> None:
    assert {path.removeprefix("/jobs/{id}") for _, path in OF_A_JOB} >= {
        "",
        "/badge.svg",
        "/cancel",
        "/result",
        "/resolve",
        "/retry",
    }


async def test_another_tenants_job_is_an_unknown_one_in_every_state(
    service: Service, stranger: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    ours = {}
    for state, actor, query in (
        ("done", "echo", ""),
        ("error", "fail", ""),
        ("waiting", "echo", "?delay=60"),
        ("cancelled", "echo", "?delay=60"),
    ):
        ours[state] = (await service.client.post(f"/jobs/{actor}{query}", json={})).json()["id"]
    await service.client.post(f"/jobs/{ours['cancelled']}/cancel")
    ours["expired"] = (await service.client.post("/jobs/echo", json={})).json()["id"]
    await db.execute(
        "update dramatiq.queue set expires_at = now() - interval '1 second' where message_id = $1",
        ours["expired"],
    )
    before = await db.fetch("select * from dramatiq.queue order by message_id")

    answers = {state: await ask(stranger, id) for state, id in ours.items()}

    unknown = await ask(stranger, uuid7())
    assert {status for status, _, _ in unknown} == {404}
    assert answers == dict.fromkeys(ours, unknown)
    assert await db.fetch("select * from dramatiq.queue order by message_id") == before


async def test_what_operators_read_of_a_job_is_refused_to_its_tenant_as_to_others(
    service: Service, stranger: httpx.AsyncClient
) -> None:
    ours = (await service.client.post("/jobs/echo", json={})).json()["id"]

    answers = [await ask(client, ours, OF_OPERATORS) for client in (service.client, stranger)]

    assert answers[0] == answers[1]
    assert {status for status, _, _ in answers[0]} == {403}


async def test_a_job_older_than_the_retention_is_gone_for_everybody(
    service: Service, stranger: httpx.AsyncClient, db: asyncpg.Connection
) -> None:
    old = uuid7()
    milliseconds = int((datetime.now(UTC) - timedelta(days=8)).timestamp() * 1000)
    old = UUID(int=(old.int & ((1 << 80) - 1)) | milliseconds << 80)
    unknown = await ask(stranger, old)
    await db.execute(
        """
        insert into dramatiq.queue (message_id, actor, lane, tenant, message, run_at, due_at)
        values ($1, 'echo', 'default', 'acme', '{"kwargs": {}}', now() + interval '1 day', now() + interval '1 day')
        """,
        old,
    )

    theirs = await ask(stranger, old)
    ours = await service.client.get(f"/jobs/{old}")

    assert {status for status, _, _ in unknown} == {410}
    assert theirs == unknown
    assert ours.status_code == 200


async def test_an_expired_job_is_gone_at_once_for_its_tenant(
    service: Service, connect: Connect, api_key: MakeKey, db: asyncpg.Connection
) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    document = (await service.client.post("/jobs/echo", json={})).json()
    await db.execute("update dramatiq.queue set expires_at = now() - interval '1 second'")

    assert {status for status, _, _ in await ask(service.client, document["id"])} == {410}
    assert {status for status, _, _ in await ask(operator, document["id"], OF_A_JOB + OF_OPERATORS)} == {410}
    assert (await service.client.get("/jobs")).json()["items"] == []


async def test_what_is_no_id_is_nothing(service: Service) -> None:
    assert {status for status, _, _ in await ask(service.client, "no-id")} == {404}


async def test_another_tenants_upload_is_an_unknown_one(
    service: Service, stranger: httpx.AsyncClient
) -> None:
    upload = (await service.client.post("/uploads", content=b"x")).json()["id"]

    theirs = await stranger.post("/jobs/inventory_tests", json={"upload": upload})
    unknown = await stranger.post("/jobs/inventory_tests", json={"upload": str(uuid7())})

    assert theirs.status_code == unknown.status_code == 422
    assert theirs.content == unknown.content
