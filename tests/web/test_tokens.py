"""POST /tokens: what a browser may hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sooner.queue.ids import uuid7

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes


async def make(client: httpx.AsyncClient, **body: object) -> str:
    answer = await client.post("/tokens", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


async def test_a_token_is_good_for_its_tenants_jobs_and_uploads(
    service: Service, connect: Connect, api_key: MakeKey
) -> None:
    theirs = (await connect(service.web, await api_key("globex")).post("/jobs/echo", json={})).json()["id"]
    browser = connect(service.web, await make(service.client))

    posted = await browser.post("/jobs/echo", json={"n": 1})
    failed = (await browser.post("/jobs/fail", json={})).json()["id"]
    answers = [
        posted,
        await browser.get("/jobs"),
        await browser.get(f"/jobs/{posted.json()['id']}"),
        await browser.get(f"/jobs/{posted.json()['id']}/result"),
        await browser.post(f"/jobs/{failed}/resolve"),
        await browser.get("/actors"),
        await browser.post("/uploads", content=b"x"),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 200, 201]
    assert len(answers[1].json()["items"]) == 2
    assert (await browser.get(f"/jobs/{theirs}")).status_code == 404


async def test_a_token_is_good_for_nothing_else_even_an_operators(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    for scopes in (["jobs"], ["admin"]):
        browser = connect(web, await make(connect(web, await api_key("acme", scopes=scopes))))

        answers = [
            await browser.post("/tokens", json={}),
            await browser.get("/queues"),
            await browser.post("/queues/default/pause"),
            await browser.get("/metrics"),
            await browser.get("/webhooks"),
            await browser.post("/webhooks", json={"url": "https://example.com/", "events": ["job.done"]}),
            await browser.delete(f"/webhooks/{uuid7()}"),
        ]

        assert [answer.status_code for answer in answers] == [403] * 7


async def test_a_token_lasts_as_long_as_it_was_asked_for_but_not_longer_than_its_key(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    client = connect(web, await api_key())
    short_lived = connect(web, await api_key(expires="60s"))

    bodies = (b"", b"{}", b'{"expires_in": null}', b'{"expires_in": 86400}')
    ends = [
        datetime.fromisoformat((await client.post("/tokens", content=body)).json()["expires_at"])
        for body in bodies
    ]
    key_end = datetime.fromisoformat((await short_lived.post("/tokens")).json()["expires_at"])

    now = datetime.now(UTC)
    assert [round((end - now) / timedelta(hours=1)) for end in ends] == [1, 1, 1, 24]
    assert key_end - now <= timedelta(seconds=60)


async def test_an_unfit_time_is_refused(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    client = connect(await processes.web(), await api_key())

    answers = [
        await client.post("/tokens", json={"expires_in": value})
        for value in (0, -1, 86401, "3600", 1.5, True)
    ]
    other = await client.post("/tokens", json={"expires": 3600})

    assert {answer.status_code for answer in answers} == {422}
    assert {answer.json()["errors"][0]["pointer"] for answer in answers} == {"#/expires_in"}
    assert other.json()["errors"] == [{"pointer": "#/expires", "detail": "there is no such member"}]


async def test_a_tokens_end_is_its_end(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    web = await processes.web()
    browser = connect(web, await make(connect(web, await api_key()), expires_in=1))

    while (answer := await browser.get("/jobs")).status_code == 200:
        pass

    assert answer.status_code == 401
    assert answer.json()["detail"] == "The token is unknown, expired or revoked."
