"""A web process writes one line a request, without its query."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web


def records(web: Web) -> list[dict[str, Any]]:
    """Its lines about requests, but for those that asked whether it is ready."""
    lines = [json.loads(line) for line in web.lines]
    return [line for line in lines if line.get("event") == "request" and line["route"] != "/readyz"]


async def test_each_request_is_a_line_of_its_route_and_no_query(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(CORS_ALLOW_ORIGINS="https://shop.example")
    client = connect(web, await api_key())
    job = (
        await client.post("/jobs/echo", json={}, headers={"Prefer": "respond-async", "X-Request-ID": "mine"})
    ).json()
    await client.get(job["urls"]["self"], headers={"Authorization": "", "X-Request-ID": "signed"})
    await client.get("/nowhere/at-all?access=secret")
    await client.put("/jobs/echo", json={})
    await client.post("/jobs/echo", content=b"{")
    async with client.stream("GET", job["urls"]["events"], headers={"Authorization": ""}) as stream:
        await anext(stream.aiter_lines())
    assert await web.terminate() in (0, -15)

    first = records(web)[0]
    assert isinstance(first.pop("ms"), float)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "process": "web", "event": "request", "level": "info", "logger": "sooner.web", "method": "POST", "route": "/jobs/{actor}", "status": 202,
        "request_id": "mine", "tenant": "acme",
    }  # fmt: skip
    told = [(each["method"], each["route"], each["status"], each["tenant"]) for each in records(web)[1:]]
    assert sorted(told, key=str) == sorted([
        ("GET", "/jobs/{id}", 200, None),
        ("GET", None, 404, "acme"),
        ("PUT", "/jobs/{id}", 405, "acme"),
        ("POST", "/jobs/{actor}", 400, "acme"),
        ("GET", "/jobs/{id}/events", 200, None),
    ], key=str)  # fmt: skip
    assert [line for line in web.lines if "access" in line or "secret" in line] == []


async def test_people_read_a_sentence_a_request(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(LOG_FORMAT="text")
    await connect(web, await api_key()).get("/actors", headers={"X-Request-ID": "mine"})

    await web.line(r"^\d\d:\d\d:\d\d GET /actors 200 \d+ ms acme request_id=mine$")
