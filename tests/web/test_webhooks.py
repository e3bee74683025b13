"""Webhooks: registered, told of every end, signed, tried again."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
import trustme
from standardwebhooks import Webhook

from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.jobs.webhooks.payload import webhook_payload
from sooner.jobs.webhooks.webhooks import OTHERWISE
from sooner.queue.ids import uuid7
from src.actors import broker
from tests.support.clock import start_clock
from tests.support.endpoint import OUTSIDE, Endpoint, Received, listening
from tests.support.processes import PATIENCE
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web

ALL = ["job.done", "job.error", "job.cancelled"]


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """See `Endpoint`."""
    async with listening() as endpoint:
        yield endpoint


@pytest.fixture
async def web(processes: Processes) -> Web:
    """A web process; its worker may reach this machine."""
    await processes.worker(ALLOW_PRIVATE_NETWORK="1", LEASE_SECONDS="2")
    return await processes.web()


@pytest.fixture
async def client(web: Web, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of tenant `acme`."""
    return connect(web, await api_key())


@pytest.fixture
async def db(settings: dict[str, dict[str, str | None]]) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the test's database."""
    connection = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    yield connection
    await connection.close()


async def register(client: httpx.AsyncClient, url: str, events: list[str] | None = None) -> dict[str, Any]:
    """A new webhook, secret included."""
    answer = await client.post("/webhooks", json={"url": url, "events": events or ALL})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def payload(request: Received, secret: str) -> dict[str, Any]:
    """What was sent, its signature checked by the library that receivers use."""
    return dict(Webhook(secret).verify(request.body, request.headers))


async def test_every_way_a_job_ends_is_told(
    client: httpx.AsyncClient, endpoint: Endpoint, db: asyncpg.Connection
) -> None:
    secret = (await register(client, endpoint.url))["secret"]
    later = {"Prefer": "respond-async"}

    ids = {
        "done": (await client.post("/jobs/echo", json={"n": 1})).json()["id"],
        "failed": (await client.post("/jobs/fail", json={})).json()["id"],
        "waiting": (await client.post("/jobs/echo?delay=60", json={})).json()["id"],
        "processing": (
            await client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": "wait=1"})
        ).json()["id"],
        "overdue": (
            await client.post("/jobs/echo?delay=60", json={}, headers={"Cancel-After": "0"} | later)
        ).json()["id"],
    }
    await client.post(f"/jobs/{ids['waiting']}/cancel")
    await client.post(f"/jobs/{ids['processing']}/cancel")
    requests = await endpoint.requests(5)

    told = {notice["data"]["id"]: notice for notice in (payload(request, secret) for request in requests)}
    assert {id: notice["type"] for id, notice in told.items()} == {
        ids["done"]: "job.done",
        ids["failed"]: "job.error",
        ids["waiting"]: "job.cancelled",
        ids["processing"]: "job.cancelled",
        ids["overdue"]: "job.cancelled",
    }
    # Cancelled without ever having run, too, a job's delivery belongs to its request.
    traces = {payload(each, secret)["data"]["id"]: each.headers["traceparent"][3:35] for each in requests}
    assert traces[ids["waiting"]] == await db.fetchval(
        "select substr(traceparent, 4, 32) from dramatiq.queue where message_id = $1", ids["waiting"]
    )
    assert len(set(traces.values())) == 5
    done = told[ids["done"]]["data"]
    assert (done["state"], done["result"]) == ("done", {"n": 1})
    assert done["urls"]["self"] == f"/jobs/{ids['done']}"
    assert told[ids["failed"]]["data"]["error"]["type"] == "failed-on-request"


async def test_a_job_lost_with_its_worker_is_told(
    client: httpx.AsyncClient, endpoint: Endpoint, processes: Processes
) -> None:
    secret = (await register(client, endpoint.url, ["job.error"]))["secret"]
    id = (await client.post("/jobs/crash", json={}, headers={"Prefer": "respond-async"})).json()["id"]

    worker = processes.started[0]
    for _ in range(3):
        # dramatiq's master ends with its process; the platform starts the next one.
        await worker.exit()
        worker = await processes.worker(ALLOW_PRIVATE_NETWORK="1", LEASE_SECONDS="2")
    [request] = await endpoint.requests(1)

    notice = payload(request, secret)
    assert (notice["data"]["id"], notice["data"]["error"]["type"]) == (id, "worker-lost")


async def test_a_webhook_is_told_of_its_tenants_jobs_and_its_events_only(
    client: httpx.AsyncClient,
    web: Web,
    connect: Connect,
    api_key: MakeKey,
    endpoint: Endpoint,
    db: asyncpg.Connection,
) -> None:
    stranger = connect(web, await api_key("globex"))
    await register(client, endpoint.url, ["job.error"])

    await stranger.post("/jobs/fail", json={})
    await client.post("/jobs/echo", json={})
    failed = (await client.post("/jobs/fail", json={})).json()["id"]
    await endpoint.requests(1)

    assert await db.fetchval("select count(*) from dramatiq.queue where actor = 'deliver_webhook'") == 1
    assert json.loads(endpoint.received[0].body)["data"]["id"] == failed
    assert {item["actor"] for item in (await client.get("/jobs")).json()["items"]} == {"echo", "fail"}


async def test_an_endpoint_that_fails_is_tried_again_from_the_table(
    client: httpx.AsyncClient, endpoint: Endpoint, db: asyncpg.Connection
) -> None:
    secret = (await register(client, endpoint.url))["secret"]
    endpoint.answers = [500, 302]
    await client.post("/jobs/echo", json={})
    waits = "select due_at > dramatiq.clock() from dramatiq.queue where actor = 'deliver_webhook' and attempts = $1"

    for attempt, minutes in ((1, 1), (2, 10)):
        await endpoint.requests(attempt)
        assert await until(db, waits, attempt)
        await start_clock(db, await db.fetchval("select dramatiq.clock()") + timedelta(minutes=minutes))
        await db.execute("select pg_notify('sooner.postponed', '')")
    requests = await endpoint.requests(3)

    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert payload(requests[2], secret)["type"] == "job.done"
    assert await until(db, "select state = 'done' from dramatiq.queue where actor = 'deliver_webhook'")


def test_pauses_grow_for_more_than_a_day() -> None:
    deliver_webhook: JobActor = broker.actors["deliver_webhook"]

    pauses = [deliver_webhook.pause(attempt) for attempt in range(1, deliver_webhook.declaration.retries + 1)]

    assert pauses == sorted(pauses)
    assert sum(pauses) > 86400


async def test_an_endpoint_that_is_gone_is_told_nothing_more(
    client: httpx.AsyncClient, endpoint: Endpoint, db: asyncpg.Connection
) -> None:
    await register(client, endpoint.url)
    endpoint.answers = [410]
    await client.post("/jobs/echo", json={"n": 1})
    await endpoint.requests(1)
    await until(db, "select count(*) = 1 from sooner.webhook where disabled_at is not null")

    await client.post("/jobs/echo", json={"n": 2})

    [item] = (await client.get("/webhooks")).json()["items"]
    assert datetime.fromisoformat(item["disabled_at"]) <= datetime.now(UTC)
    assert await db.fetchval("select count(*) from dramatiq.queue where actor = 'deliver_webhook'") == 1


async def test_redirects_are_followed_as_they_are_and_checked_each(
    client: httpx.AsyncClient, endpoint: Endpoint, db: asyncpg.Connection
) -> None:
    secret = (await register(client, endpoint.url, ["job.done"]))["secret"]
    endpoint.answers = [(307, "/there"), (308, "https+nowhere://localhost/")]
    await client.post("/jobs/echo", json={})

    requests = await endpoint.requests(2)
    refused = "select error from dramatiq.queue where actor = 'deliver_webhook' and state = 'rejected'"
    error = json.loads(await until(db, refused))

    assert [request.target for request in requests] == ["/hook", "/there"]
    assert requests[0].headers["host"] == f"localhost:{endpoint.port}"
    assert payload(requests[1], secret)["type"] == "job.done"
    assert error["type"] == "webhook-address-refused"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """See `Authority`."""
    return Authority(tmp_path / "authority.pem")


class Authority:
    """Signs certificates; `file` is what trusts it."""

    def __init__(self, file: Path) -> None:
        self._authority = trustme.CA()
        self.file = str(file)
        self._authority.cert_pem.write_to_path(self.file)
        #: The names that clients asked for (SNI, RFC 6066, section 3).
        self.asked: list[str | None] = []

    def tls(self, name: str) -> ssl.SSLContext:
        """A server's side, with a certificate for the name or address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(name).configure_cert(context)
        context.set_servername_callback(lambda _, name, __: self.asked.append(name))
        return context


async def test_a_delivery_over_tls_asks_for_the_endpoints_name(
    processes: Processes, connect: Connect, api_key: MakeKey, authority: Authority
) -> None:
    await processes.worker(ALLOW_PRIVATE_NETWORK="1", SSL_CERT_FILE=authority.file)
    client = connect(await processes.web(), await api_key())
    async with listening(tls=authority.tls("localhost")) as endpoint:
        secret = (await register(client, f"https://localhost:{endpoint.port}/hook"))["secret"]
        await client.post("/jobs/echo", json={})
        [request] = await endpoint.requests(1)

    assert payload(request, secret)["type"] == "job.done"
    assert request.headers["host"] == f"localhost:{endpoint.port}"
    # The connection goes to the address that was checked; its name is asked for all the same.
    assert authority.asked == ["localhost"]


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example", True)])
async def test_a_certificate_that_is_not_trusted_or_another_names_gets_nothing(
    name: str,
    trusted: bool,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    authority: Authority,
    db: asyncpg.Connection,
) -> None:
    trust: dict[str, Any] = {"SSL_CERT_FILE": authority.file} if trusted else {}
    await processes.worker(ALLOW_PRIVATE_NETWORK="1", **trust)
    client = connect(await processes.web(), await api_key())
    async with listening(tls=authority.tls(name)) as endpoint:
        await register(client, f"https://localhost:{endpoint.port}/hook")
        await client.post("/jobs/echo", json={})
        failed = "select history->0->>'error' from dramatiq.queue where actor = 'deliver_webhook'"
        error = json.loads(await until(db, failed))

    assert error["type"] == "webhook-unreachable"
    assert "certificate verify failed" in error["detail"]
    assert endpoint.received == []


async def test_a_public_endpoint_cannot_send_a_delivery_on_to_a_private_one(
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    authority: Authority,
    endpoint: Endpoint,
    db: asyncpg.Connection,
) -> None:
    await processes.worker(module="tests.support.outside", SSL_CERT_FILE=authority.file)
    client = connect(await processes.web(ALLOW_PRIVATE_NETWORK="1"), await api_key())
    async with (
        listening(OUTSIDE, authority.tls(OUTSIDE)) as outside,
        listening(tls=authority.tls("127.0.0.1")) as inside,
    ):
        secret = (await register(client, f"https://{OUTSIDE}:{outside.port}/"))["secret"]
        for n, private in enumerate((f"https://127.0.0.1:{inside.port}/", endpoint.url), start=1):
            outside.answers = [(307, private)]
            await client.post("/jobs/echo", json={"n": n})
            await outside.requests(n)
            await until(db, "select count(*) = $1 from dramatiq.queue where state = 'rejected'", n)
        await client.post("/jobs/echo", json={})
        [*_, taken] = await outside.requests(3)

    errors = await db.fetch("select error from dramatiq.queue where state = 'rejected' order by created_at")
    assert [json.loads(row["error"])["type"] for row in errors] == ["webhook-address-refused"] * 2
    assert [json.loads(row["error"])["detail"] for row in errors] == [
        "127.0.0.1 is an address of a private network, or resolves to one.",
        "The address has to begin with https://.",
    ]
    assert payload(taken, secret)["type"] == "job.done"
    assert (inside.received, endpoint.received) == ([], [])


PRIVATE = {
    "http://example.com/": "The address has to begin with https://.",
    "https://localhost:1234/": "localhost is an address of a private network, or resolves to one.",
    "https://hook.localhost./": "hook.localhost. is an address of a private network, or resolves to one.",
    "https://169.254.169.254/": "169.254.169.254 is an address of a private network, or resolves to one.",
    "https://127.1/": "127.1 is an address of a private network, or resolves to one.",
    "https://10.0.0.1./": "10.0.0.1. is an address of a private network, or resolves to one.",
    "https://[::1]/": "::1 is an address of a private network, or resolves to one.",
}


async def test_private_addresses_and_plain_http_are_refused_where_no_worker_reaches_them(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    key = await api_key()
    client = connect(await processes.web(), key)
    await processes.worker()
    answers = [await client.post("/webhooks", json={"url": url, "events": ALL}) for url in PRIVATE]
    listed = (await client.get("/webhooks")).json()["items"]

    assert [answer.status_code for answer in answers] == [422] * len(PRIVATE)
    for answer, why in zip(answers, PRIVATE.values(), strict=True):
        [error] = answer.json()["errors"]
        assert error == {"pointer": "#/url", "detail": f"{why} {OTHERWISE}"}
    assert listed == []

    await processes.worker(ALLOW_PRIVATE_NETWORK="1")
    for url in PRIVATE:
        await register(client, url)


async def test_what_the_worker_refuses_is_refused_for_good_and_the_delivery_says_why(
    processes: Processes, connect: Connect, api_key: MakeKey, endpoint: Endpoint
) -> None:
    await processes.worker()
    client = connect(await processes.web(ALLOW_PRIVATE_NETWORK="1"), await api_key())
    # Not every resolver knows names below localhost, or reads an IP address with a dot behind it.
    refused = {url: why for url, why in PRIVATE.items() if "hook" not in url and "./" not in url}
    ids = [(await register(client, url))["id"] for url in (endpoint.url, *refused)]

    job = (await client.post("/jobs/echo", json={})).json()["id"]
    found = [await deliveries(client, id, lambda item: item["state"] == "error") for id in ids]

    assert [len(items) for items in found] == [1] * len(ids)
    told = [item for [item] in found]
    assert [item["error"]["detail"] for item in told] == [PRIVATE["http://example.com/"], *refused.values()]
    assert {(item["error"]["type"], item["attempts"], item["status"]) for item in told} == {
        ("webhook-address-refused", 1, None)
    }
    assert {(item["event"], item["job"], item["next_attempt_at"]) for item in told} == {
        ("job.done", job, None)
    }
    assert endpoint.received == []


async def deliveries(
    client: httpx.AsyncClient, webhook: str, wanted: Callable[[dict[str, Any]], bool]
) -> list[dict[str, Any]]:
    """The webhook's deliveries, once the newest is as wanted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            items: list[dict[str, Any]] = (await client.get(f"/webhooks/{webhook}/deliveries")).json()[
                "items"
            ]
            if items and wanted(items[0]):
                return items
            await asyncio.sleep(0.05)


async def test_deliveries_are_listed_newest_first_with_what_became_of_them(
    client: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    webhook = (await register(client, endpoint.url))["id"]
    address = f"/webhooks/{webhook}/deliveries"
    empty = await client.get(address)
    # Nothing listens at port 9 (discard).
    silent = (await register(client, "http://localhost:9/", ["job.done"]))["id"]
    endpoint.answers = [204, 503]
    done = (await client.post("/jobs/echo", json={})).json()["id"]
    await deliveries(client, webhook, lambda item: item["state"] == "done")
    failed = (await client.post("/jobs/fail", json={})).json()["id"]

    [second, first] = await deliveries(client, webhook, lambda item: item["error"] is not None)
    [unheard] = await deliveries(client, silent, lambda item: item["error"] is not None)
    page = await client.get(f"{address}?limit=1")
    next = await client.get(page.json()["next"])

    assert empty.json() == {"items": [], "next": None}
    expected = {
        "event": "job.done",
        "job": done,
        "state": "done",
        "attempts": 1,
        "status": 204,
        "error": None,
    }
    assert {name: first[name] for name in expected} == expected
    assert first["next_attempt_at"] is None
    expected = {"event": "job.error", "job": failed, "state": "waiting", "attempts": 1, "status": 503}
    assert {name: second[name] for name in expected} == expected
    assert second["error"]["detail"] == "The endpoint answered 503."
    pause = datetime.fromisoformat(second["next_attempt_at"]) - datetime.fromisoformat(second["at"])
    assert timedelta(seconds=4) < pause < timedelta(seconds=60)
    assert (unheard["status"], unheard["attempts"]) == (None, 1)
    assert re.fullmatch(r"The endpoint cannot be reached: .+\.", unheard["error"]["detail"])
    assert [request.headers["webhook-id"] for request in endpoint.received] == [
        f"msg_{UUID(item['id']).hex}" for item in (first, second)
    ]
    assert page.json()["items"] == [second]
    assert page.headers["link"] == f'<{page.json()["next"]}>; rel="next"'
    assert next.json() == {"items": [first], "next": None}


async def test_a_test_is_sent_at_once_and_once_and_its_answer_tells_the_end(
    client: httpx.AsyncClient, endpoint: Endpoint, db: asyncpg.Connection
) -> None:
    made = await register(client, endpoint.url, ["job.error"])
    address = f"/webhooks/{made['id']}"
    endpoint.answers = [200, 500, 204, 410]

    taken = await client.post(f"{address}/test")
    refused = await client.post(f"{address}/test", headers={"Prefer": "wait=20"})
    later = await client.post(f"{address}/test", headers={"Prefer": "respond-async"})
    items = await deliveries(client, made["id"], lambda item: item["state"] == "done")
    gone = await client.post(f"{address}/test")
    after = await client.post(f"{address}/test")

    assert (taken.status_code, taken.headers["preference-applied"]) == (200, "wait=3")
    expected = {
        "event": "webhook.test",
        "job": None,
        "state": "done",
        "attempts": 1,
        "status": 200,
        "error": None,
    }
    assert {name: taken.json()[name] for name in expected} == expected
    assert (refused.status_code, refused.json()["state"], refused.json()["status"]) == (200, "error", 500)
    assert refused.json()["error"]["detail"] == "The endpoint answered 500."
    assert (later.status_code, later.headers["preference-applied"]) == (202, "respond-async")
    assert [item["id"] for item in items] == [each.json()["id"] for each in (later, refused, taken)]
    requests = await endpoint.requests(4)
    sent = payload(requests[0], made["secret"])
    assert (sent["type"], sent["data"]) == ("webhook.test", {"webhook": made["id"]})
    assert (gone.status_code, gone.json()["status"]) == (200, 410)
    assert (after.status_code, after.json()["type"]) == (409, "webhook-disabled")
    # One at a time: whoever clicks again and again gets the test under way.
    assert await db.fetchval(
        "select bool_and(unique_key is not null) from dramatiq.queue where actor = 'try_webhook'"
    )


async def test_deliveries_belong_to_their_tenant(
    web: Web, client: httpx.AsyncClient, connect: Connect, api_key: MakeKey, endpoint: Endpoint
) -> None:
    webhook = (await register(client, endpoint.url))["id"]
    stranger = connect(web, await api_key("globex", scopes=["jobs", "admin"]))

    theirs = [
        await stranger.get(f"/webhooks/{webhook}/deliveries"),
        await stranger.post(f"/webhooks/{webhook}/test"),
    ]
    unknown = [
        answer
        for id in (uuid7(), "no-id")
        for answer in (
            await client.get(f"/webhooks/{id}/deliveries"),
            await client.post(f"/webhooks/{id}/test"),
        )
    ]
    wrong = [
        await client.get(f"/webhooks/{webhook}/deliveries?{query}")
        for query in ("limit=0", "cursor=x", "x=1")
    ]

    assert {(answer.status_code, answer.content) for answer in [*theirs, *unknown]} == {
        (404, theirs[0].content)
    }
    assert [answer.status_code for answer in wrong] == [422] * 3
    assert endpoint.received == []


async def test_webhooks_are_registered_listed_and_removed_by_their_tenant(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    client, stranger = connect(web, await api_key()), connect(web, await api_key("globex"))
    made = await register(client, "https://example.com/hook?a=b", ["job.done", "job.done", "job.error"])
    [item] = (await client.get("/webhooks")).json()["items"]

    theirs = [
        (await stranger.get("/webhooks")).json()["items"],
        await stranger.delete(f"/webhooks/{made['id']}"),
    ]
    unknown = [await stranger.delete(f"/webhooks/{id}") for id in (uuid7(), "no-id")]
    gone = [(await client.delete(f"/webhooks/{made['id']}")).status_code for _ in range(2)]

    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["job.done", "job.error"]
    assert item.pop("created_at")
    assert item == {name: made[name] for name in ("id", "url", "events")} | {"disabled_at": None}
    assert theirs[0] == []
    assert theirs[1].status_code == 404
    assert {answer.content for answer in unknown} == {theirs[1].content}
    assert gone == [204, 404]


async def test_an_unfit_webhook_is_refused(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    client = connect(await processes.web(), await api_key())
    good = {"url": "https://example.com/", "events": ["job.done"]}
    unfit: list[tuple[dict[str, Any], str]] = [
        ({"url": url}, "#/url")
        for url in (
            None,
            7,
            "",
            "example.com",
            "ftp://example.com/",
            "https://",
            "https://user:pass@example.com/",
            "https://example.com/#x",
            "https://exa mple.com/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://ex%61mple.com/",
            "https://example.com:99999/",
            "https://example.com/" + "x" * 2000,
        )
    ]
    unfit += [
        ({"events": events}, "#/events") for events in (None, [], "job.done", ["job.lost"], [["job.done"]])
    ]
    unfit += [({"extra": 1}, "#/extra")]

    answers = [(await client.post("/webhooks", json=good | change), pointer) for change, pointer in unfit]
    for _ in range(20):
        await register(client, "https://example.com/")
    one_more = await client.post("/webhooks", json=good)

    assert {answer.status_code for answer, _ in answers} == {422}
    assert [answer.json()["errors"][0]["pointer"] for answer, _ in answers] == [
        pointer for _, pointer in answers
    ]
    assert one_more.status_code == 422


def job(**members: Any) -> Job:
    """A finished job."""
    now = datetime.now(UTC)
    values: dict[str, Any] = dict.fromkeys(Job._fields)
    values |= {
        "id": uuid7(),
        "state": State.DONE,
        "priority": 1,
        "created_at": now,
        "params": "{}",
        "result": "1",
    }
    return Job(**(values | members))


def test_what_is_sent_stays_under_20_kilobytes_and_says_what_is_left_out() -> None:
    large = json.dumps("x" * 19_900)
    now = datetime.now(UTC)
    some, more, most = job(result=large), job(result=large, params=large), job(params=large, progress=large)

    sent = [json.loads(webhook_payload("job.done", now, each.id, each)) for each in (job(), some, more, most)]
    lengths = [len(webhook_payload("job.done", now, each.id, each)) for each in (some, more, most)]

    assert max(lengths) < 20_000
    assert [each.get("trimmed") for each in sent] == [
        None,
        ["result"],
        ["result", "params"],
        ["result", "params", "progress"],
    ]
    assert sent[1]["data"]["params"] == {}
    assert json.loads(webhook_payload("job.done", now, some.id, None))["data"]["id"] == str(some.id)
