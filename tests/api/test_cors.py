"""Scripts of other origins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

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


async def test_without_the_setting_no_origin_is_let_in(
    processes: Processes, api_key: MakeKey, connect: Connect
) -> None:
    client = connect(await processes.web(), await api_key())
    assert "access-control-allow-origin" not in (await client.options("/jobs/echo", headers=ASKED)).headers
    answer = await client.post("/jobs/echo?delay=9", json={}, headers=ORIGIN)
    assert "access-control-allow-origin" not in answer.headers
