"""The API's description as a page for people: plain HTML made here, no script at all."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sooner.jobs.declaring.declare import JobActor
from sooner.web.endpoint import endpoint
from sooner.web.openapi.openapi import document
from sooner.web.openapi.operation import Answer
from sooner.web.resources import Resources

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#e0e0da, #31363f); --dim: light-dark(#5d6068, #a6abb5);
  --accent: light-dark(#2447b8, #8fabff); }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem 1rem 4rem;
  background: light-dark(#f7f7f5, #14161a); color: light-dark(#1c1e22, #e8e9ec); }
h1 { line-height: 1.2; margin-bottom: .5rem; }
h2 { margin: 2.5rem 0 .6rem; }
a { color: var(--accent); }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
details[open] { padding-bottom: 1.2rem; }
summary { cursor: pointer; padding: .1rem .3rem; border-radius: .3rem; }
summary:hover { background: light-dark(#ececea, #23272f); }
summary > span { color: var(--dim); margin-left: .4rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); }
.dim { color: var(--dim); }
.method { display: inline-block; min-width: 4rem; margin-left: .3rem; font-weight: 600; color: var(--accent); }
@media (max-width: 40rem) { summary > span { display: block; margin-left: 0; } table { overflow-wrap: anywhere; } }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@endpoint(
    "GET", "/docs", scope="public", tag="Service", answers={200: Answer("The page.", media="text/html")}
)
async def get_docs(request: Request) -> Response:
    """This description, for people."""
    resources: Resources = request.app.state.resources
    return HTMLResponse(_page(tuple(resources.actors.values())), headers=HEADERS)


@cache
def _page(actors: tuple[JobActor, ...]) -> str:
    described = document(actors)
    operations = [
        (method.upper(), path, members)
        for path, methods in described["paths"].items()
        for method, members in methods.items()
    ]
    tags = dict.fromkeys(tag for _, _, members in operations for tag in members["tags"])
    sections = "".join(
        f"<h2>{escape(tag)}</h2>"
        + "".join(_operation(*each) for each in operations if tag in each[2]["tags"])
        for tag in sorted(tags)
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sooner: the API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>Sooner: the API</h1>"
        f"<p>{escape(described['info']['description'])}</p>"
        '<p>The same for programs: <a href="openapi.json">OpenAPI 3.1</a>. Refusals are problem documents '
        "(RFC 9457); every answer has an <code>X-Request-ID</code>.</p>"
        f"{sections}<h2>Shapes</h2>{_schemas(described['components']['schemas'])}</main></body></html>"
    )


def _operation(method: str, path: str, members: Mapping[str, Any]) -> str:
    parts = [f"<p>{_prose(members['description'])}</p>" if "description" in members else ""]
    parts.append(_parameters(members.get("parameters", ())))
    parts += [
        f"<h3>Send <code>{escape(media)}</code></h3>{_json(content.get('example', content['schema']))}"
        for media, content in members.get("requestBody", {}).get("content", {}).items()
    ]
    parts.append(_answers(members["responses"]))
    return (
        f'<details><summary><code><span class="method">{method}</span>{escape(path)}</code> '
        f"<span>{_prose(members['summary'])}</span></summary>{''.join(parts)}</details>"
    )


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td><code>{escape(each["name"])}</code></td><td class="dim">{each["in"]}</td>'
        f"<td>{_prose(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    return f"<h3>Parameters</h3><table>{rows}</table>" if rows else ""


def _answers(responses: Mapping[str, Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{status}</code></td><td>{_prose(answer['description'])}</td>"
        f'<td class="dim">{escape(", ".join(answer.get("content", {})))}</td></tr>'
        for status, answer in responses.items()
    )
    return f"<h3>Answers</h3><table>{rows}</table>"


def _schemas(schemas: Mapping[str, Any]) -> str:
    return "".join(
        f"<details><summary><code>{escape(name)}</code></summary>{_json(schema)}</details>"
        for name, schema in sorted(schemas.items())
    )


def _prose(text: str) -> str:
    """The HTML of a text that has names in backticks."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _json(value: Any) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
