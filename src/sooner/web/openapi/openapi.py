"""The API's description (OpenAPI 3.1), made of the routes and the actors."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from sooner.jobs.declaring.declare import JobActor
from sooner.web.auth import COOKIE
from sooner.web.endpoint import Endpoint, endpoint
from sooner.web.http.root import root
from sooner.web.openapi import schemas
from sooner.web.openapi.example import example
from sooner.web.openapi.operation import (
    Answer,
    Body,
    Operation,
    Parameter,
)
from sooner.web.pages.pages import Folder
from sooner.web.resources import Resources

COMPONENTS = "#/components/schemas/"

HEADERS = {
    "X-Request-ID": "The request's id: the client's, or a new one.",
    "Location": "The job's address.",
    "Retry-After": "Seconds after which it is worth asking again.",
    "ETag": "The version of the answer (RFC 9110, section 8.8.3).",
    "Preference-Applied": "The preference that was applied (RFC 7240): `wait=N` or `respond-async`.",
    "Idempotency-Replayed": "`true` where the key was used before with the same parameters.",
    "Link": "The next page (RFC 8288).",
    "Content-Disposition": "The file's name (RFC 6266).",
    "Content-Range": "The range of this part (RFC 9110, section 14.4).",
    "Accept-Ranges": "`bytes`: a client may ask for ranges.",
    "Set-Cookie": "The session, which no script can read.",
    "WWW-Authenticate": "The missing credentials (RFC 6750).",
    "Allow": "The methods that the address takes.",
}

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token for a browser."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "An operator's session: the page at `/dashboard` signs in.",
    },
    "access": {
        "type": "apiKey",
        "in": "query",
        "name": "access",
        "description": "The signature in a job's own addresses: good for this one job until it expires.",
    },
}


@endpoint(
    "GET",
    "/openapi.json",
    scope="public",
    tag="Service",
    answers={200: Answer("This description.", media="application/json")},
)
async def get_openapi(request: Request) -> Response:
    """This description."""
    resources: Resources = request.app.state.resources
    return Response(_rendered(resources), media_type="application/json")


def _rendered(resources: Resources) -> bytes:
    return _render(tuple(resources.actors.values()), root() or "/")


@cache
def _render(actors: tuple[JobActor, ...], server: str) -> bytes:
    return orjson.dumps({**document(actors), "servers": [{"url": server}]})


@cache
def document(actors: tuple[JobActor, ...]) -> dict[str, Any]:
    """The description for these actors. It is made once: treat it as read-only."""
    from sooner.web.routes import ROUTES

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sooner",
            "version": "1",
            "description": "Slow work behind a browser frontend: answered at once when it can be, followed when not.",
        },
        "paths": _paths(ROUTES, actors),
        "components": {
            "schemas": {**_shapes(), **_actors_schemas(actors)},
            "securitySchemes": SECURITY,
        },
    }


def _paths(routes: Iterable[BaseRoute], actors: Iterable[JobActor]) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for address, methods, described in _described(routes):
        for path, members in _operations(address, described, actors):
            for method in sorted(methods - {"HEAD"}):
                paths.setdefault(path, {})[method.lower()] = members
    return dict(sorted(paths.items()))


def _described(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, set[str], Operation]]:
    """Every address with its methods and its description. Raises AttributeError where a route has none."""
    for route in routes:
        if isinstance(route, Folder):
            for name, described in route.described.items():
                yield f"{route.path}/{name}", {"GET"}, described
        elif isinstance(route, Endpoint):
            yield route.path, route.methods or set(), route.operation


def _operations(
    address: str, described: Operation, actors: Iterable[JobActor]
) -> Iterator[tuple[str, dict[str, Any]]]:
    if "{actor}" not in address:
        yield address, _members(address, described)
        return
    for actor in actors:
        path = address.replace("{actor}", actor.actor_name)
        members = _members(path, described)
        yield path, members | _of_actor(actor, members)


def _members(path: str, described: Operation) -> dict[str, Any]:
    summary, details = described.text
    members: dict[str, Any] = {
        "operationId": described.name,
        "tags": [described.tag],
        "summary": summary,
    }
    if details:
        members["description"] = details
    parameters = [*_path_parameters(path), *map(_parameter, described.parameters)]
    if parameters:
        members["parameters"] = parameters
    if described.body is not None:
        members["requestBody"] = _body(described.body)
    members["responses"] = {str(status): _answer(answer) for status, answer in _answers(described)}
    members["security"] = _security(described)
    return members


def _of_actor(actor: JobActor, members: Mapping[str, Any]) -> dict[str, Any]:
    name = actor.actor_name
    params = {"$ref": f"{COMPONENTS}{name}.params"}
    job = {
        "allOf": [
            {"$ref": COMPONENTS + "Job"},
            {"properties": {"result": {"anyOf": [{"$ref": f"{COMPONENTS}{name}.result"}, {"type": "null"}]}}},
        ]
    }
    responses = {
        status: _with_schema(answer, job) if status in ("200", "202") else answer
        for status, answer in members["responses"].items()
    }
    summary, _, details = actor.description.partition("\n\n")
    return {
        "operationId": f"submit_{name}",
        "summary": f"{name}: {' '.join(summary.split())}",
        "description": f"{details.strip()}\n\n{members['summary']}.".strip(),
        "requestBody": _body(Body(params, example(actor.schema))),
        "responses": responses,
    }


def _with_schema(answer: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    content = answer["content"]
    return {**answer, "content": {**content, "application/json": {"schema": schema}}}


def _answers(described: Operation) -> Iterator[tuple[int, Answer]]:
    yield from described.answers.items()
    # Every address refuses unknown query parameters, and bodies with a Content-Encoding.
    problems = {*described.problems, 422} | ({415} if described.body is not None else set())
    if described.scope != "public":
        problems |= {401, 503}
    if described.scope in ("admin", "key"):
        problems.add(403)
    for status in sorted(problems - set(described.answers)):
        yield status, _problem(status)


def _problem(status: int) -> Answer:
    headers = {
        401: ("WWW-Authenticate",),
        403: ("WWW-Authenticate",),
        429: ("Retry-After",),
        503: ("Retry-After",),
    }
    return Answer(
        HTTPStatus(status).phrase, schemas.Problem, "application/problem+json", headers.get(status, ())
    )


def _answer(answer: Answer) -> dict[str, Any]:
    headers = {
        name: {"description": HEADERS[name], "schema": {"type": "string"}}
        for name in ("X-Request-ID", *answer.headers)
    }
    described: dict[str, Any] = {"description": answer.description, "headers": headers}
    if answer.shape is not None:
        media = answer.media or "application/json"
        described["content"] = {media: {"schema": {"$ref": COMPONENTS + answer.shape.__name__}}}
    elif answer.media is not None:
        described["content"] = {answer.media: {}}
    return described


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        schema = {"type": "string", "format": "uuid"} if name == "id" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _body(body: Body) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": body.schema}
    if body.example is not None:
        content["example"] = body.example
    return {"required": body.required, "content": {body.media: content}}


def _security(described: Operation) -> list[dict[str, list[str]]]:
    if described.scope == "public":
        return []
    if described.by_address:
        return [{"bearer": []}, {"access": []}]
    return [{"bearer": []}, {"session": []}] if described.scope == "admin" else [{"bearer": []}]


def _shapes() -> dict[str, Any]:
    inputs = [(shape.__name__, "serialization", TypeAdapter(shape)) for shape in schemas.SHAPES]
    _, found = TypeAdapter.json_schemas(inputs, ref_template=COMPONENTS + "{model}")  # type: ignore[arg-type]
    return dict(found["$defs"])


def _actors_schemas(actors: Iterable[JobActor]) -> dict[str, Any]:
    found = {}
    for actor in actors:
        for kind, schema in (("params", actor.schema), ("result", actor.result.schema)):
            name = f"{actor.actor_name}.{kind}"
            found[name] = _moved(schema, f"{COMPONENTS}{name}/")
    return found


def _moved(schema: Any, to: str) -> Any:
    """The schema for use inside another document: its references point below `to` instead of to its own root."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/", to, 1) if key == "$ref" and isinstance(value, str) else _moved(value, to)
            for key, value in schema.items()
        }
    return [_moved(item, to) for item in schema] if isinstance(schema, list) else schema
