"""Idempotency-Key: a request sent twice makes one job."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

from sooner.jobs.submitting.idempotency import Fingerprints

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes


async def execute(database_url: str, text: str) -> Any:
    """The single value that a statement answers."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval(text)
    finally:
        await connection.close()


async def test_the_same_key_gives_the_same_job(client: httpx.AsyncClient, database_url: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await client.post("/jobs/echo", json={"a": 1, "b": [1.5, None]}, headers=headers)
    again = await client.post("/jobs/echo", content=b' {"b":[1.5,null], "a":1}', headers=headers)
    assert "idempotency-replayed" not in first.headers
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert await execute(database_url, "select count(*) from dramatiq.queue") == 1


async def test_a_key_under_which_code_submitted_a_job_gives_that_job(
    client: httpx.AsyncClient, database_url: str
) -> None:
    submit = """select sooner.submit('echo', '{"a": 1.50, "b": true}', tenant => 'acme', idempotency_key => 'k1')"""
    id = await execute(database_url, submit)
    headers = {"Idempotency-Key": "k1", "Prefer": "wait=20"}
    again = await client.post("/jobs/echo", json={"b": True, "a": 1.5}, headers=headers)
    other = await client.post("/jobs/echo", json={"b": 1, "a": 1.5}, headers=headers)
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (200, "true")
    assert again.json()["id"] == str(id)
    assert other.status_code == 422


async def test_a_replay_attaches_to_the_job_that_still_runs(client: httpx.AsyncClient) -> None:
    async def post(wait: int) -> httpx.Response:
        headers = {"Idempotency-Key": "k1", "Prefer": f"wait={wait}"}
        return await client.post("/jobs/sleep", json={"seconds": 3}, headers=headers)

    first, again, third = await post(0), await post(1), await post(20)
    assert [first.status_code, again.status_code, third.status_code] == [202, 202, 200]
    assert again.headers["location"] == first.headers["location"]
    assert [again.headers["preference-applied"], third.headers["preference-applied"]] == ["wait=1", "wait=20"]
    assert third.json()["result"] == {"slept": 3}
    assert third.json()["id"] == first.json()["id"]


async def test_other_parameters_under_the_same_key_are_refused(
    client: httpx.AsyncClient, database_url: str
) -> None:
    headers = {"Idempotency-Key": "k1"}
    await client.post("/jobs/echo", json={"a": 1}, headers=headers)
    for other in ({"a": 2}, {}, {"a": "1"}, {"a": 1, "b": None}):
        refused = await client.post("/jobs/echo", json=other, headers=headers)
        assert refused.status_code == 422
        assert "other parameters" in refused.json()["detail"]
        assert refused.json()["errors"]
    assert await execute(database_url, "select count(*) from dramatiq.queue") == 1


async def test_a_key_is_its_tenants_and_its_actors_own(
    service: Service, api_key: MakeKey, connect: Connect
) -> None:
    other = connect(service.web, await api_key("other"))
    headers = {"Idempotency-Key": "k1"}
    made = [
        await service.client.post("/jobs/echo", json={"a": 1}, headers=headers),
        await other.post("/jobs/echo", json={"a": 2}, headers=headers),
        await service.client.post("/jobs/flaky", json={"times": 0}, headers=headers),
    ]
    assert [answer.status_code for answer in made] == [200] * 3
    assert len({answer.json()["id"] for answer in made}) == 3
    assert not any("idempotency-replayed" in answer.headers for answer in made)


async def test_thirty_at_once_on_two_web_processes_make_one_job(
    service: Service, processes: Processes, connect: Connect, database_url: str
) -> None:
    clients = [service.client, connect(await processes.web(), service.key)]
    for key in ("k1", "k2", "k3"):
        posts = [
            clients[number % 2].post("/jobs/sleep", json={"seconds": 0.2}, headers={"Idempotency-Key": key})
            for number in range(30)
        ]
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert await execute(database_url, "select count(*) from dramatiq.queue") == 3


async def test_many_keys_in_any_order_on_two_web_processes_make_one_job_each(
    service: Service, processes: Processes, connect: Connect, database_url: str
) -> None:
    clients = [service.client, connect(await processes.web(), service.key)]

    async def post(client: httpx.AsyncClient, number: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"k{number}", "Prefer": "respond-async"}
        return await client.post("/jobs/echo", json={"number": number}, headers=headers)

    forth, back = range(100), range(99, -1, -1)
    answers = await asyncio.gather(
        *(post(clients[0], number) for number in forth), *(post(clients[1], number) for number in back)
    )
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 100
    assert await execute(database_url, "select count(*) from dramatiq.queue") == 100


async def test_a_key_can_be_used_again_after_a_day(client: httpx.AsyncClient, database_url: str) -> None:
    async def post(params: dict[str, Any]) -> httpx.Response:
        return await client.post("/jobs/echo", json=params, headers={"Idempotency-Key": "k1"})

    first = await post({"a": 1})
    clock = (
        "create or replace function dramatiq.clock() returns timestamptz language sql stable parallel safe "
        "return pg_catalog.now() + interval '{}'"
    )
    await execute(database_url, clock.format("23 hours 59 minutes"))
    assert (await post({"a": 1})).json()["id"] == first.json()["id"]
    await execute(database_url, clock.format("24 hours 1 minute"))
    second = await post({"a": 2})
    assert second.status_code == 200
    assert "idempotency-replayed" not in second.headers
    assert (await post({"a": 1})).status_code == 422
    assert (await client.get(f"/jobs/{first.json()['id']}")).json()["result"] == {"a": 1}


async def test_a_refused_request_does_not_use_its_key_up(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k1"}
    assert (await client.post("/jobs/flaky", json={"times": -1}, headers=headers)).status_code == 422
    made = await client.post("/jobs/flaky", json={"times": 0}, headers=headers)
    assert (made.status_code, made.headers.get("idempotency-replayed")) == (200, None)


async def test_an_unfit_key_is_refused(client: httpx.AsyncClient, database_url: str) -> None:
    for key in (b"", b"a b", b"a" * 256, "schlüssel".encode(), b"tab\tbed"):
        refused = await client.post("/jobs/echo", json={}, headers={b"Idempotency-Key": key})
        assert refused.status_code == 422, key
        assert "Idempotency-Key" in refused.json()["detail"]
    twice = await client.post(
        "/jobs/echo", json={}, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    )
    assert twice.status_code == 422
    assert await execute(database_url, "select count(*) from dramatiq.queue") == 0


async def test_a_fit_key_is_taken(client: httpx.AsyncClient) -> None:
    for key in ("!", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "a,b;c=d"):
        answer = await client.post("/jobs/echo", json={}, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, key


async def test_the_fingerprint_is_keyed() -> None:
    ours, theirs = Fingerprints(["a" * 32]), Fingerprints(["b" * 32])
    made = ours.of("echo", {"pin": "1234"})
    assert ours.match(made, "echo", {"pin": "1234"})
    assert Fingerprints(["c" * 32, "a" * 32]).match(made, "echo", {"pin": "1234"})
    assert not theirs.match(made, "echo", {"pin": "1234"})
    assert not ours.match(made, "fail", {"pin": "1234"})
    assert not ours.match(None, "echo", {"pin": "1234"})
