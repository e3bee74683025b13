"""Several databases behind one address: each tenant works in its own, and nobody sees where that is."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.tenants.locator import locator
from tests.support.jobs import fetch, post
from tests.support.shards import NOTICED_SECONDS, on_three_shards

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect
    from tests.support.processes import Processes, Web
    from tests.support.shards import Shards

ROW = "select tenant from dramatiq.queue where message_id = $1"


@pytest.fixture
def settings(shard_urls: dict[str, str], secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """Web works on three shards; a worker's own is said where it starts."""
    return on_three_shards(shard_urls, secret_keys)


@pytest.fixture
async def web(processes: Processes, shards: Shards) -> Web:
    """A web process on the three shards."""
    return await processes.web()


def access_of(address: str) -> str:
    """The capability in a signed address."""
    return parse_qs(urlsplit(address).query)["access"][0]


def facts(answer: httpx.Response) -> tuple[object, ...]:
    """What a stranger may compare of two refusals."""
    return answer.status_code, answer.json(), answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("shard", ["a", "b"])
async def test_a_tenant_works_in_its_shard(
    shard: str, web: Web, shards: Shards, processes: Processes, connect: Connect
) -> None:
    await processes.worker(DATABASE_URL=shards.urls[shard])
    client = connect(web, await shards.key("acme", shard))

    upload = (await client.post("/uploads", content=b"some bytes")).json()
    done = await post(client, "echo", "wait=20", text="there")
    token = (await client.post("/tokens")).json()["token"]
    listed = (await connect(web, token).get("/jobs")).json()["items"]
    hook = await client.post("/webhooks", json={"url": "https://example.com/x", "events": ["job.done"]})
    stream = await client.get(f"/jobs/{done['id']}/events")
    result = await client.get(f"/jobs/{done['id']}/result")

    assert done["state"] == "done"
    assert result.json() == {"text": "there"}
    assert [job["id"] for job in listed] == [done["id"]]
    assert '"state":"done"' in stream.text
    assert hook.status_code == 201
    assert upload["bytes"] == 10
    found = {name: await fetch(url, ROW, UUID(done["id"])) for name, url in shards.urls.items()}
    assert {name for name, rows in found.items() if rows} == {shard}
    uploads = {name: await fetch(url, "select from sooner.upload") for name, url in shards.urls.items()}
    assert {name for name, rows in uploads.items() if rows} == {shard}


async def test_tenants_of_two_shards_do_not_see_each_other(
    web: Web, shards: Shards, connect: Connect
) -> None:
    mine, theirs = [
        connect(web, await shards.key(tenant, shard)) for tenant, shard in (("acme", "a"), ("globex", "b"))
    ]
    job = await post(theirs, "echo")

    assert (await mine.get(f"/jobs/{job['id']}")).status_code == 404
    assert (await mine.get("/jobs")).json()["items"] == []
    assert (await theirs.get(f"/jobs/{job['id']}")).status_code == 200


async def test_wrong_keys_are_refused_alike(web: Web, shards: Shards, connect: Connect) -> None:
    here, there = await shards.key("acme", "a"), await shards.key("globex", "b")
    secret = there.partition(".")[2]
    forged = [
        f"sooner_{locator('acme')}.{secret}",
        f"sooner_{locator('globex')}.{here.partition('.')[2]}",
        f"sooner_{locator('nobody')}.{secret}",
        f"sooner_{secret}",
        f"sooner_.{secret}",
        "sooner_zzz.zzz",
        secret,
    ]
    answers = [await connect(web, key).get("/jobs") for key in forged]

    assert {str(facts(answer)) for answer in answers} == {str(facts(answers[0]))}
    assert answers[0].status_code == 401
    assert (await connect(web, there).get("/jobs")).status_code == 200


async def test_a_key_without_a_locator_is_looked_up(web: Web, shards: Shards, connect: Connect) -> None:
    old = {name: f"sooner_{name * 43}" for name in ("a", "b", "c")}
    for name, key in old.items():
        await shards.key(f"tenant-{name}", name)
        await fetch(
            shards.urls[name], "update sooner.api_key set digest = $1", hashlib.sha256(key.encode()).digest()
        )
    await fetch(
        shards.home_url,
        "insert into sooner_directory.key values ($1, $2)",
        hashlib.sha256(old["b"].encode()).digest(),
        locator("tenant-b"),
    )
    codes = {name: (await connect(web, key).get("/jobs")).status_code for name, key in old.items()}

    # Nobody has registered the third.
    assert codes == {"a": 200, "b": 200, "c": 401}


async def test_a_signed_address_leads_to_its_shard(web: Web, shards: Shards, connect: Connect) -> None:
    client, stranger = connect(web, await shards.key("acme", "b")), connect(web)
    job = await post(client, "echo")
    address, access = job["urls"]["self"], access_of(job["urls"]["self"])
    until, hint, signature = access.split(".")
    altered = [
        f"{until}.{signature}",
        f"{until}.a~{hint.partition('~')[2]}.{signature}",
        f"{until}.b~.{signature}",
        f"{until}.{hint}~.{signature}",
    ]

    assert hint == f"b~{locator('acme')}"
    assert (await stranger.get(address)).json()["id"] == job["id"]
    answers = [await stranger.get(f"/jobs/{job['id']}", params={"access": each}) for each in altered]
    assert [answer.status_code for answer in answers] == [401] * len(altered)
    cancelled = await stranger.post(job["urls"]["cancel"])
    assert cancelled.json()["state"] == "cancelled"


async def test_an_address_without_a_hint_leads_home(
    web: Web, shards: Shards, connect: Connect, settings: dict[str, dict[str, str | None]]
) -> None:
    job = await post(connect(web, await shards.key("acme", "a")), "echo")
    until = datetime.fromtimestamp(4e9, UTC)
    access = SignedUrls([str(settings["web"]["LINK_SIGNING_KEY"])]).sign(UUID(job["id"]), "acme", until)

    answer = await connect(web).get(f"/jobs/{job['id']}", params={"access": access})
    assert answer.json()["id"] == job["id"]


async def test_an_operator_signs_in_wherever_its_key_is(web: Web, shards: Shards, connect: Connect) -> None:
    client = connect(web)
    key = await shards.key("ops", "b", scopes=("jobs", "admin"))

    assert (await client.post("/session", json={"key": key})).status_code == 201
    assert (await client.get("/jobs")).status_code == 200
    cookie = client.cookies["sooner_session"]
    parts = cookie.split(".")
    forged = ".".join([*parts[:2], locator("other"), parts[3]])
    for wrong in (forged, ".".join([*parts[:2], parts[3]])):
        answer = await connect(web, cookies={"sooner_session": wrong}).get("/jobs")
        assert answer.status_code == 401


async def test_a_place_that_changes_is_followed(web: Web, shards: Shards, connect: Connect) -> None:
    client = connect(web, await shards.key("acme", "a"))
    before = await post(client, "echo")
    await shards.copy_keys("a", "b")
    await shards.place("acme", "b")

    async with asyncio.timeout(NOTICED_SECONDS):
        while not await fetch(shards.urls["b"], "select from dramatiq.queue"):
            await post(client, "echo")
    assert await fetch(shards.urls["a"], ROW, UUID(before["id"]))


async def test_a_key_that_has_moved_is_found_at_once(web: Web, shards: Shards, connect: Connect) -> None:
    client = connect(web, await shards.key("acme", "a"))
    assert (await client.get("/jobs")).status_code == 200
    await shards.copy_keys("a", "b")
    await shards.place("acme", "b")
    await fetch(shards.urls["a"], "delete from sooner.api_key")

    assert (await client.get("/jobs")).status_code == 200


async def test_metrics_tell_the_shards_apart(web: Web, shards: Shards, connect: Connect) -> None:
    client = connect(web, await shards.key("ops", "a", scopes=("admin",)))
    lines = (await client.get("/metrics")).text.splitlines()

    open_pools = {line.partition(" ")[0] for line in lines if line.startswith("sooner_pool_open{")}
    assert open_pools == {f'sooner_pool_open{{pool="primary",shard="{name}"}}' for name in shards.urls}
