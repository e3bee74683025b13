"""Reading a stream of Server-Sent Events as a browser does (HTML, section 9.2.6)."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx


@dataclass(frozen=True)
class Event:
    """One event; one of type `comment` is a comment, which a browser keeps to itself."""

    type: str
    id: str | None
    data: str

    @property
    def job(self) -> dict[str, Any]:
        """The job document in it."""
        document: dict[str, Any] = json.loads(self.data)
        return document


@contextlib.asynccontextmanager
async def listening(
    client: httpx.AsyncClient,
    address: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    json: Any = None,
) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[Event]]]:
    """The open answer and its events; it is closed with the context."""
    async with client.stream(method, address, headers=dict(headers or {}), json=json) as answer:
        yield answer, _events(answer)


async def heard(client: httpx.AsyncClient, address: str, **options: Any) -> list[Event]:
    """All events until the stream ends."""
    async with listening(client, address, **options) as (_, events):
        return [event async for event in events]


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, list[str]] = {}
    async for line in answer.aiter_lines():
        if line.startswith(":"):
            yield Event("comment", None, line[1:].strip())
        elif line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        elif "data" in fields:
            yield Event(
                fields.get("event", ["message"])[-1],
                fields.get("id", [None])[-1],
                "\n".join(fields["data"]),
            )
            fields = {}
