"""What no address takes: unknown query parameters, bodies in a coding, slashes too many."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, get_args
from uuid import UUID

import pytest
from starlette.routing import Route

from sooner.web.endpoint import Endpoint, endpoint
from sooner.web.openapi.operation import Answer, Scope
from sooner.web.routes import ROUTES

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes

NOBODY = str(UUID(int=0))


@pytest.fixture
async def operator(processes: Processes, api_key: MakeKey, connect: Connect) -> httpx.AsyncClient:
    """A client with every scope."""
    return connect(await processes.web(), await api_key(scopes=["jobs", "admin"]))


async def test_a_query_parameter_that_an_address_does_not_know_is_refused_by_name(
    operator: httpx.AsyncClient,
) -> None:
    answer = await operator.post("/jobs/echo?dealy=5&priority=low", json={})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    [wrong] = answer.json()["errors"]
    assert wrong["pointer"] == "#/dealy"
    assert "'dealy'" in wrong["detail"]
    assert "run_at, delay, priority" in wrong["detail"]
    assert "'dealy'" in answer.json()["detail"]
    assert (await operator.get("/jobs")).json()["items"] == []


async def test_every_address_refuses_it(operator: httpx.AsyncClient) -> None:
    asked = [
        (method, concrete(route.path))
        for route in ROUTES
        if isinstance(route, Route)
        for method in (route.methods or set())
    ]
    for method, path in [*asked, ("GET", "/static/sooner.js"), ("GET", "/static/at/any/look.css")]:
        answer = await operator.request(method, f"{path}?no_such=1")
        assert answer.status_code == 422, (method, path)


async def test_a_path_that_names_nothing_is_not_found(operator: httpx.AsyncClient) -> None:
    paths = {concrete(route.path.replace("{", "%00{")) for route in ROUTES if isinstance(route, Route)}
    for path in sorted(path for path in paths if "%00" in path):
        answers = [await operator.request(method, path) for method in ("GET", "POST", "DELETE")]
        # Where a path's method is another, it is told which.
        assert {answer.status_code for answer in answers} <= {404, 405}, path
        assert 404 in {answer.status_code for answer in answers}, path


async def test_a_stranger_learns_nothing_of_it(processes: Processes, connect: Connect) -> None:
    client = connect(await processes.web())
    for address in ("/jobs?x=1", f"/jobs/{NOBODY}?x=1&access=1.x", "/queues?x=1", "/webhooks?x=1"):
        assert (await client.get(address)).status_code == 401, address
    coded = {"Content-Encoding": "gzip"}
    assert (await client.post("/jobs/echo", content=b"{}", headers=coded)).status_code == 401


def concrete(path: str) -> str:
    """An address of a route."""
    return path.replace("{actor}", "echo").replace("{id}", NOBODY).replace("{name}", "default")


async def test_every_address_enforces_the_scope_that_the_description_says(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()
    stranger, user = connect(web), connect(web, await api_key())
    token = (await user.post("/tokens", json={})).json()["token"]
    clients = {"nobody": stranger, "token": connect(web, token), "key": user}
    described = (await stranger.get("/openapi.json")).json()["paths"]
    scopes: dict[str, list[str]] = {}
    for route in (route for route in ROUTES if isinstance(route, Endpoint)):
        [method] = (route.methods or set()) - {"HEAD"}
        path, scope = concrete(route.path), route.operation.scope
        scopes.setdefault(scope, []).append(path)
        # A body that every endpoint refuses, so that none acts.
        sent = {name: await client.request(method, path, content=b"[") for name, client in clients.items()}
        refused = {
            name: answer.status_code for name, answer in sent.items() if answer.status_code in (401, 403)
        }
        assert (
            refused
            == {
                "public": {},
                "jobs": {"nobody": 401},
                "key": {"nobody": 401, "token": 403},
                "admin": {"nobody": 401, "token": 403, "key": 403},
            }[scope]
        ), (method, path)
        security = described[route.path.replace("{actor}", "echo")][method.lower()]["security"]
        assert [next(iter(each)) for each in security] == {
            "public": [],
            "admin": ["bearer", "session"],
        }.get(scope, ["bearer", "access"] if route.operation.by_address else ["bearer"]), (method, path)
    assert {scope: len(paths) > 1 for scope, paths in scopes.items()} == dict.fromkeys(get_args(Scope), True)


def test_an_endpoint_without_a_scope_cannot_be_declared() -> None:
    declare: Any = endpoint
    with pytest.raises(TypeError, match="scope"):
        declare("GET", "/open", tag="Service", answers={200: Answer("It is open.")})


async def test_an_address_that_no_job_can_have_is_closed_to_strangers(
    processes: Processes, connect: Connect, operator: httpx.AsyncClient
) -> None:
    stranger = connect(await processes.web())
    for path in ("/jobs/echo", "/jobs/echo/events", "/jobs/no-id/result", "/jobs/no-id?access=1.x"):
        assert (await stranger.get(path)).status_code == 401, path
    answers = [await operator.get(path) for path in ("/jobs/echo", "/jobs/echo/events", "/jobs/no-id")]
    assert [answer.status_code for answer in answers] == [405, 404, 404]


async def test_a_signed_address_knows_its_access_and_others_do_not(
    service: Service, connect: Connect
) -> None:
    posted = await service.client.post("/jobs/echo", json={})
    urls, stranger = posted.json()["urls"], connect(service.web)
    assert (await stranger.get(urls["self"])).status_code == 200
    assert (await stranger.get(urls["self"] + "&x=1")).status_code == 422
    access = urls["self"].partition("?")[2]
    assert (await service.client.get(f"/jobs?{access}")).status_code == 422
    assert (await service.client.post(f"/jobs/echo?{access}", json={})).status_code == 422


@pytest.mark.parametrize("path", ["/jobs/echo", "/uploads", "/tokens", "/webhooks", "/session"])
async def test_a_body_in_a_coding_is_refused(path: str, operator: httpx.AsyncClient) -> None:
    body = gzip.compress(json.dumps({"a": 1}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await operator.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert "Content-Encoding gzip" in answer.json()["detail"]
    # `/uploads` takes a body of any type.
    assert "application/json" not in answer.json()["title"]


async def test_a_body_in_no_coding_is_taken(operator: httpx.AsyncClient) -> None:
    headers = {"Content-Encoding": "identity", "Prefer": "respond-async"}
    assert (await operator.post("/jobs/echo", json={}, headers=headers)).status_code == 202


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/jobs/echo/"),
        ("POST", "/jobs//echo"),
        ("POST", "/jobs/echo/?access=1.x"),
        ("GET", f"/jobs/{NOBODY}/?access=1.x"),
        ("GET", "/jobs/"),
        ("GET", "//jobs"),
        ("GET", "/docs/"),
        ("GET", "/dashboard/"),
        ("GET", "/livez/"),
        ("GET", "/static/"),
        ("GET", "/static/sooner.js/"),
        ("GET", "/static//sooner.js"),
    ],
)
async def test_a_path_with_a_slash_too_many_is_not_found(
    method: str, path: str, operator: httpx.AsyncClient
) -> None:
    answer = await operator.request(method, operator.base_url.join("/").copy_with(raw_path=path.encode()))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "location" not in answer.headers
