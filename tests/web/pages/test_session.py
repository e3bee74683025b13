"""Sessions and what the pages are sent with, over plain HTTP."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web


@pytest.fixture
async def web(processes: Processes) -> Web:
    """A web process alone."""
    return await processes.web()


@pytest.fixture
async def admin(web: Web, api_key: MakeKey) -> str:
    """A key of the operators."""
    return await api_key("ops", scopes=("jobs", "admin"))


@pytest.fixture
async def signed_in(web: Web, connect: Connect, admin: str) -> httpx.AsyncClient:
    """A client with a session cookie and no key."""
    client = connect(web)
    assert (await client.post("/session", json={"key": admin})).status_code == 201
    return client


async def test_the_cookie_is_kept_from_scripts_and_other_sites(
    web: Web, connect: Connect, admin: str
) -> None:
    answer = await connect(web).post("/session", json={"key": admin})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert admin not in cookie


async def test_the_cookie_is_secure_behind_tls(web: Web, connect: Connect, admin: str) -> None:
    answer = await connect(web).post("/session", json={"key": admin}, headers={"X-Forwarded-Proto": "https"})
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_session_reads_and_acts(signed_in: httpx.AsyncClient) -> None:
    assert (await signed_in.get("/jobs")).status_code == 200
    assert (await signed_in.post("/queues/default/pause")).json()["paused"] is True


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
async def test_another_origins_page_acts_in_nobodys_name(
    signed_in: httpx.AsyncClient, admin: str, headers: dict[str, str]
) -> None:
    for forged in (
        signed_in.post("/queues/default/pause", headers=headers),
        signed_in.post("/session", json={"key": admin}, headers=headers),
        signed_in.delete("/session", headers=headers),
    ):
        answer = await forged
        assert answer.status_code == 403
        assert (
            answer.json()["detail"]
            == "A page of another origin made this request: use the dashboard's own page."
        )


async def test_our_own_page_acts(signed_in: httpx.AsyncClient, web: Web) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": web.url}):
        assert (await signed_in.post("/queues/default/resume", headers=headers)).status_code == 200


async def test_a_forged_cookie_is_no_session(
    web: Web, connect: Connect, signed_in: httpx.AsyncClient
) -> None:
    good = signed_in.cookies["sooner_session"]
    key, until, signature = good.split(".")
    later = f"{int(until, 16) + 60:x}"
    for forged in ("", "x", f"{key}.{later}.{signature}", f"{key}.{until}.", good[:-1], "é.1.x"):
        headers = [(b"cookie", f"sooner_session={forged}".encode())]
        assert (await connect(web).get("/jobs", headers=headers)).status_code == 401


async def test_signing_out_takes_the_cookie(signed_in: httpx.AsyncClient) -> None:
    assert (await signed_in.delete("/session")).status_code == 204
    assert "sooner_session" not in signed_in.cookies
    assert (await signed_in.get("/jobs")).status_code == 401


async def test_the_session_is_over_with_its_key(web: Web, connect: Connect, api_key: MakeKey) -> None:
    client = connect(web)
    key = await api_key("ops", scopes=("admin",), expires="1s")
    await client.post("/session", json={"key": key})
    status = 200
    while status == 200:
        status = (await client.get("/queues")).status_code
    assert status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [({"key": ""}, 422), ({}, 422), ({"key": 7}, 422), ({"key": "sooner_x"}, 401), ([], 422)],
)
async def test_what_is_no_key_signs_nobody_in(web: Web, connect: Connect, body: object, status: int) -> None:
    answer = await connect(web).post("/session", json=body)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


async def test_a_key_without_admin_signs_nobody_in(web: Web, connect: Connect, api_key: MakeKey) -> None:
    answer = await connect(web).post("/session", json={"key": await api_key()})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get("/dashboard/events"),
        lambda client: client.get("/dashboard/history"),
        lambda client: client.post("/dashboard/retry", json={}),
        lambda client: client.post("/dashboard/resolve", json={}),
    ],
    ids=["events", "history", "retry", "resolve"],
)
async def test_the_dashboards_data_is_the_operators(
    web: Web,
    connect: Connect,
    api_key: MakeKey,
    ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]],
) -> None:
    assert (await ask(connect(web))).status_code == 401
    assert (await ask(connect(web, await api_key()))).status_code == 403


@pytest.mark.parametrize("path", ["/", "/dashboard"])
async def test_a_page_runs_nothing_but_our_own_files(web: Web, connect: Connect, path: str) -> None:
    client = connect(web)
    page = await client.get(path)
    policy = page.headers["content-security-policy"]
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]* src=)|<style| on\w+=| style=|https?://", page.text)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        asset = await client.get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]


async def test_the_client_is_asked_for_again_and_not_sent_again(web: Web, connect: Connect) -> None:
    client = connect(web)
    first = await client.get("/static/sooner.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/static/sooner.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    old = await client.get("/static/at/0000/sooner.js")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert (await client.get("/static/at/0000/../../pages.py")).status_code in (401, 404)
