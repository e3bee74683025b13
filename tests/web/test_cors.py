"""Scripts of other origins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web

ORIGIN = {"Origin": "https://app.example"}
ASKED = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,prefer",
}
EXPOSED = {
    *("location", "retry-after", "preference-applied", "x-request-id"),
    *("idempotency-replayed", "etag", "link"),
}


async def test_a_preflight_needs_no_credentials(processes: Processes, connect: Connect) -> None:
    client = connect(await processes.web(CORS_ALLOW_ORIGINS="https://app.example, https://other.example"))
    answer = await client.options("/jobs/echo", headers=ASKED)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    allowed = answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "content-type", "idempotency-key", "prefer"} <= set(allowed)
    assert "DELETE" in answer.headers["access-control-allow-methods"]

    stranger = await client.options("/jobs/echo", headers={**ASKED, "Origin": "https://evil.example"})
    assert stranger.status_code == 403
    assert stranger.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in stranger.headers


async def test_answers_and_refusals_can_be_read_with_the_headers_a_client_needs(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    web = await processes.web(CORS_ALLOW_ORIGINS="https://app.example,https://other.example")
    client = connect(web, await api_key())
    taken = await client.post("/jobs/echo", json={}, headers={**ORIGIN, "Prefer": "respond-async"})
    refused = await connect(web).post("/jobs/echo", json={}, headers=ORIGIN)
    assert (taken.status_code, refused.status_code) == (202, 401)
    for answer in (taken, refused):
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        exposed = answer.headers["access-control-expose-headers"].lower().replace(" ", "").split(",")
        assert set(exposed) >= EXPOSED
        assert "Origin" in answer.headers["vary"]
    other = await client.get(taken.json()["urls"]["self"], headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("origins", [None, "https://app.example"])
async def test_a_bare_options_is_a_method_like_any_other(
    origins: str | None, processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    web = await processes.web(CORS_ALLOW_ORIGINS=origins)
    client, stranger = connect(web, await api_key()), connect(web)
    paths = ("/jobs/echo", "/jobs", "/livez", "/static/sooner.js", "/nowhere")

    answers = [await client.options(path) for path in paths]
    theirs = [await stranger.options(path) for path in paths]
    preflight = await client.options("/jobs/echo", headers=ORIGIN)

    assert [(answer.status_code, answer.headers.get("allow")) for answer in answers] == [
        (405, "POST"),
        (405, "GET, HEAD"),
        (405, "GET, HEAD"),
        (405, "GET, HEAD"),
        (404, None),
    ]
    # Whoever has no key learns of no address but the open ones.
    assert [answer.status_code for answer in theirs] == [401, 401, 405, 405, 401]
    assert {answer.headers["content-type"] for answer in [*answers, *theirs]} == {"application/problem+json"}
    # It names no method: no preflight (Fetch standard, section 3.2.2).
    assert preflight.status_code == 405
    assert await _whole(web) == 401


async def _whole(web: Web) -> int:
    """The status that answers to `OPTIONS *` (RFC 9110, section 9.3.7), which httpx cannot send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.url.rpartition(":")[2]))
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: sooner\r\nConnection: close\r\n\r\n")
    status = int((await reader.readline()).split()[1])
    writer.close()
    return status


async def test_without_the_setting_no_origin_is_let_in(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    client = connect(await processes.web(), await api_key())
    assert "access-control-allow-origin" not in (await client.options("/jobs/echo", headers=ASKED)).headers
    answer = await client.post("/jobs/echo?delay=9", json={}, headers=ORIGIN)
    assert "access-control-allow-origin" not in answer.headers
