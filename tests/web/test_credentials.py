"""Who may ask: what is answered without credentials, and with the wrong ones."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sooner.jobs.tenants.keys import digest
from sooner.jobs.tenants.locator import locator
from tests.support.clock import start_clock
from tests.support.keys import run_keys
from tests.support.rows import until

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_address_tells_nothing_without_credentials(
    method: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()

    stranger = await connect(web).request(method, "/no/such/address")
    caller = await connect(web, await api_key()).request(method, "/no/such/address")

    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"].startswith("Bearer")
    assert stranger.headers["Content-Type"] == "application/problem+json"
    assert caller.status_code == 404
    assert caller.json()["type"] == "not-found"


async def test_a_wrong_method_on_an_open_address_needs_no_credentials(
    processes: Processes, connect: Connect
) -> None:
    client = connect(await processes.web())

    assert (await client.post("/livez")).status_code == 405
    assert (await client.delete("/uploads")).status_code == 401


async def test_a_refusal_says_what_is_missing(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()

    nothing = await connect(web).get("/jobs")
    wrong = [
        await connect(web).get("/jobs", headers={"Authorization": value})
        for value in ("Bearer sooner_wrong", "Bearer wrong", "Bearer sooner_token_wrong")
    ]
    other = [
        await connect(web).get("/jobs", headers={"Authorization": value})
        for value in ("Basic eDp5", "Bearer")
    ]
    unfit = await connect(web, await api_key()).get("/queues")

    assert nothing.headers["WWW-Authenticate"] == 'Bearer realm="sooner"'
    assert {answer.status_code for answer in (nothing, *wrong, *other)} == {401}
    assert {answer.headers["WWW-Authenticate"] for answer in wrong} == {
        'Bearer realm="sooner", error="invalid_token"'
    }
    assert unfit.status_code == 403
    assert unfit.headers["WWW-Authenticate"] == (
        'Bearer realm="sooner", error="insufficient_scope", scope="admin"'
    )


async def test_a_locator_in_a_key_or_a_token_grants_nothing(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    key, theirs = await api_key("acme"), await api_key("globex")
    token = (await connect(web, key).post("/tokens")).json()["token"]
    unknown = {
        kind: await connect(web, f"{kind}{locator('acme')}.{'x' * 43}").get("/jobs")
        for kind in ("sooner_", "sooner_token_")
    }
    kept = [await connect(web, one).get("/jobs") for one in (key, theirs, token)]

    assert [answer.status_code for answer in kept] == [200, 200, 200]
    for text in (key, token):
        kind = "sooner_token_" if text == token else "sooner_"
        assert text.startswith(f"{kind}{locator('acme')}.")
        secret = text.partition(".")[2]
        hints = [locator("globex"), locator("acme").upper(), locator("acme")[:-1], "", "." * 13, "a" * 5000]
        forged = [f"{kind}{hint}.{secret}" for hint in hints] + [f"{kind}{secret}", f"{text}.", text[:-1]]
        answers = [await connect(web, one).get("/jobs") for one in forged]
        assert {(answer.status_code, answer.text) for answer in answers} == {(401, unknown[kind].text)}


async def test_a_key_without_a_locator_stays_good(
    processes: Processes, connect: Connect, api_key: MakeKey, settings: dict[str, dict[str, str | None]]
) -> None:
    await api_key()
    old = f"sooner_{'k' * 43}"
    db = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    await db.execute("update sooner.api_key set digest = $1", digest(old))
    await db.close()

    assert (await connect(await processes.web(), old).get("/jobs")).status_code == 200


async def test_a_revoked_key_and_its_tokens_end_in_every_web_process(
    processes: Processes, connect: Connect, api_key: MakeKey, settings: dict[str, dict[str, str | None]]
) -> None:
    url = str(settings["web"]["DATABASE_URL"])
    webs = [await processes.web(), await processes.web()]
    key = await api_key()
    token = (await connect(webs[0], key).post("/tokens")).json()["token"]
    clients = [connect(web, credential) for web in webs for credential in (key, token)]
    before = [(await client.get("/jobs")).status_code for client in clients]
    [id] = [line.split()[0] for line in (await run_keys(url, "list")).splitlines()]

    await run_keys(url, "revoke", id)
    await asyncio.sleep(5)

    assert before == [200] * 4
    assert [(await client.get("/jobs")).status_code for client in clients] == [401] * 4
    assert "revoked" in await run_keys(url, "list")


async def test_a_key_ends_when_its_time_does_and_its_last_use_is_noted(
    processes: Processes, connect: Connect, api_key: MakeKey, settings: dict[str, dict[str, str | None]]
) -> None:
    client = connect(await processes.web(), await api_key(expires="30d"))
    db = await asyncpg.connect(settings["web"]["DATABASE_URL"])
    try:
        assert (await client.get("/jobs")).status_code == 200
        assert await until(db, "select last_used_at > created_at from sooner.api_key")
        await start_clock(db, datetime.now(UTC) + timedelta(days=31))
        # What the process remembers of the key, it forgets within the time a revocation has to hold.
        await asyncio.sleep(5)
        assert (await client.get("/jobs")).status_code == 401
    finally:
        await db.close()
