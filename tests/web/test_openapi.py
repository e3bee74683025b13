"""The API's description: whole, valid, and true."""

from __future__ import annotations

import base64
import hashlib
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from starlette.routing import Mount, Route

from sooner.jobs.following.document import facts
from sooner.jobs.row import SHAPES, Job
from sooner.jobs.states import State
from sooner.process.settings import WebSettings
from sooner.queue.ids import uuid7
from sooner.web.openapi.example import example
from sooner.web.openapi.openapi import document
from sooner.web.resources import offered
from sooner.web.routes import ROUTES
from src.actors import broker

#: All but those that take the description for all there is to say: which well-formed values an actor refuses.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ensure_resource_availability",
    "ignored_auth",
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description with every actor."""
    settings = WebSettings(
        database_url="postgresql://host/database", link_signing_key=("x" * 32,), diagnostics=True
    )
    return document(tuple(offered(settings, broker.actors).values()))


def references(value: Any) -> set[str]:
    """Every reference in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_address_of_the_contract_is_described(described: dict[str, Any]) -> None:
    operations = {(method.upper(), path) for path, found in described["paths"].items() for method in found}

    assert operations >= {
        ("POST", "/jobs/echo"),
        ("POST", "/jobs/inventory_tests"),
        ("POST", "/jobs/export_archive"),
        ("GET", "/jobs"),
        ("GET", "/jobs/{id}"),
        ("GET", "/jobs/{id}/events"),
        ("GET", "/jobs/{id}/result"),
        ("GET", "/jobs/{id}/badge.svg"),
        ("POST", "/jobs/{id}/cancel"),
        ("POST", "/jobs/{id}/retry"),
        ("POST", "/jobs/{id}/resolve"),
        ("GET", "/actors"),
        ("POST", "/uploads"),
        ("POST", "/tokens"),
        ("POST", "/webhooks"),
        ("GET", "/webhooks"),
        ("DELETE", "/webhooks/{id}"),
        ("GET", "/queues"),
        ("POST", "/queues/{name}/pause"),
        ("POST", "/queues/{name}/resume"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
    }
    assert not [path for path in described["paths"] if "deliver_webhook" in path]


def test_every_route_of_the_application_is_described(described: dict[str, Any]) -> None:
    operations = {(method.upper(), path) for path, found in described["paths"].items() for method in found}
    routes = {
        (method, route.path.replace("{actor}", "echo"))
        for route in ROUTES
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    mounts = {("GET", f"{route.path}/{{file}}") for route in ROUTES if isinstance(route, Mount)}

    assert all(isinstance(route, Route | Mount) for route in ROUTES)
    assert routes | mounts <= operations
    assert {("GET", "/"), ("POST", "/session"), ("GET", "/static/sooner.js")} <= operations


def test_every_operation_is_named_as_a_method_would_be(described: dict[str, Any]) -> None:
    names = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, found in described["paths"].items()
        for method, operation in found.items()
    }
    verbs = [
        "get",
        "list",
        "submit",
        "create",
        "delete",
        "cancel",
        "retry",
        "resolve",
        "pause",
        "resume",
        "test",
        "sign",
    ]

    assert len(set(names.values())) == len(names)
    assert not {
        name for name in names.values() if not re.fullmatch(f"({'|'.join(verbs)})(_[a-z0-9]+)+", name)
    }
    assert names.items() >= {
        "POST /jobs/echo": "submit_echo",
        "GET /jobs": "list_jobs",
        "GET /jobs/{id}": "get_job",
        "GET /jobs/{id}/output": "get_job_output",
        "POST /jobs/{id}/cancel": "cancel_job",
        "GET /webhooks/{id}/deliveries": "list_webhook_deliveries",
        "POST /queues/{name}/pause": "pause_queue",
        "GET /": "get_index_page",
    }.items()  # fmt: skip


def test_the_schema_of_the_job_document_is_what_a_document_holds(described: dict[str, Any]) -> None:
    now, values = datetime.now(UTC), dict.fromkeys(Job._fields)
    asked = Job(**{**values, "id": uuid7(), "state": State.DONE, "priority": 2, "cancel_requested": True})  # type: ignore[arg-type]
    members = list(facts(asked, now))
    schema = described["components"]["schemas"]["Job"]
    assert members == list(SHAPES)
    assert list(schema["properties"]) == [*members, "estimate", "urls", "attempts_log"]
    assert set(schema["properties"]) - set(schema["required"]) == {"cancel_requested", "attempts_log"}
    assert list(facts(asked._replace(cancel_requested=False), now)) == members[:-1]


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in references(described):
        found: Any = described
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_every_actor_has_an_example_that_fits(described: dict[str, Any]) -> None:
    bodies = {
        path: methods["post"]["requestBody"]["content"]["application/json"]
        for path, methods in described["paths"].items()
        if path.startswith("/jobs/") and "{" not in path
    }
    assert len(bodies) >= 8
    for path, body in bodies.items():
        validator = jsonschema_rs.validator_for({**described, **body["schema"]})
        assert validator.is_valid(body["example"]), path


NODE: dict[str, Any] = {
    "type": "object",
    "properties": {"next": {"$ref": "#/$defs/Node"}},
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
            "required": ["next"],
        },
        "Endless": {
            "type": "object",
            "properties": {"next": {"$ref": "#/$defs/Endless"}},
            "required": ["next"],
        },
    },
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}]}, "https://example.com/"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"const": 7}}}, 7),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "array"}, "b": {}}}, {"a": []}),
        ({"type": "string", "examples": ["x"]}, "x"),
        ({**NODE, "required": ["next"]}, {"next": {"next": None}}),
        ({**NODE, "$ref": "#/$defs/Endless"}, {}),
        ({"type": "string", "examples": {"a": {"value": "x"}}}, {}),
    ],
)
def test_samples_fit(schema: dict[str, Any], value: object) -> None:
    assert example(schema) == value


async def test_the_page_for_people_shows_all_without_a_script(processes: Processes, connect: Connect) -> None:
    client = connect(await processes.web())

    page = await client.get("/docs")
    described = (await client.get("/openapi.json")).json()

    assert described["openapi"].startswith("3.1")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert all(path in page.text for path in described["paths"])
    assert "<script" not in page.text
    [style] = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]
    assert "script-src" not in page.headers["Content-Security-Policy"]


async def test_a_method_that_is_not_taken_is_told_which_are(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(), await api_key())

    answers = {
        path: await client.put(path)
        for path in ("/jobs", "/jobs/echo", f"/jobs/{uuid7()}", "/static/sooner.js", "/jobs/no-such-actor")
    }

    assert {path: answer.headers.get("Allow") for path, answer in answers.items()} == dict(
        zip(answers, ["GET, HEAD", "POST", "GET, HEAD", "GET, HEAD", None], strict=True)
    )
    assert [answer.status_code for answer in answers.values()] == [405, 405, 405, 405, 404]
    assert answers["/jobs"].json() == {
        "type": "method-not-allowed",
        "title": "This address does not take this method",
        "status": 405,
        "detail": "This address takes GET, HEAD.",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        "--exclude-path-regex '/jobs/(burn|crash|sleep)$|/queues/|/result$|^/dashboard/events$' --max-time 60",
        # A failed job's result is a 502, as the contract has it.
        "--include-path-regex '/result$' --exclude-checks not_a_server_error --max-time 10",
    ],
    ids=["all", "results"],
)
async def test_every_answer_is_as_described(
    part: str, processes: Processes, api_key: MakeKey, tmp_path: Path
) -> None:
    web = await processes.web(SYNC_WAIT_SECONDS="0.2", SYNC_WAIT_MAX_SECONDS="0.2")
    await processes.worker()
    key = await api_key("acme", scopes=["jobs", "admin"])
    command = (
        # It leaves its finds in the folder that it runs in.
        f"cd {tmp_path} && exec {sys.executable} -m schemathesis.cli run {web.url}/openapi.json --header 'Authorization: Bearer {key}' "
        f"--checks {','.join(CHECKS)} --phases examples,coverage,fuzzing --seed 7 --request-timeout 10 "
        f"--suppress-health-check all --no-color {part}"
    )

    tester = await processes.command(command)

    assert await tester.exit(300) == 0, tester.output
