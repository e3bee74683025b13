"""Posting jobs and following them, for tests that look at the table and at HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

Document = dict[str, Any]
FINAL = {"done", "error", "cancelled"}


async def post(
    client: httpx.AsyncClient, actor: str, prefer: str = "respond-async", **params: Any
) -> Document:
    """Posts a job and returns its document."""
    answer = await client.post(f"/jobs/{actor}", json=params, headers={"Prefer": prefer})
    assert answer.status_code in {200, 202}, answer.text
    document: Document = answer.json()
    return document


async def until(
    client: httpx.AsyncClient, id: str, wanted: Callable[[Document], bool], timeout: float = PATIENCE
) -> Document:
    """Waits until the job's document is as wanted, and returns it."""
    document: Document = {}
    try:
        async with asyncio.timeout(timeout):
            while True:
                answer = await client.get(f"/jobs/{id}")
                document = answer.json()
                if answer.status_code == 200 and wanted(document):
                    return document
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"not in {timeout} s, last: {document}") from None


async def processing(client: httpx.AsyncClient, id: str) -> Document:
    """The job once a worker holds it."""
    return await until(client, id, lambda job: job["state"] == "processing")


async def final(client: httpx.AsyncClient, id: str, timeout: float = PATIENCE) -> Document:
    """The job once it has ended."""
    return await until(client, id, lambda job: job["state"] in FINAL, timeout)


async def fetch(database_url: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows of a query on a connection of its own."""
    connection = await asyncpg.connect(database_url)
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return rows
    finally:
        await connection.close()


async def rows(database_url: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
    """The rows of a query once it has any."""
    connection = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(PATIENCE):
            found: list[asyncpg.Record] = []
            while not found:
                found = await connection.fetch(query, *arguments)
                await asyncio.sleep(0 if found else 0.05)
            return found
    finally:
        await connection.close()
