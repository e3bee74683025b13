"""A FastAPI service that is no part of a deployment: an order and its job come by one transaction."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, HTTPException, Request

from sooner import Sooner


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """What the service needs for as long as it runs."""
    url = os.environ["DATABASE_URL"]
    listens = os.environ.get("LISTEN") != "0"
    # Behind a pooler the next transaction may have another session, which does not know the statements of the last one.
    cached = 100 if listens else 0
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=2, statement_cache_size=cached) as pool,
        Sooner(url, listen=listens) as sooner,
    ):
        yield {"pool": pool, "sooner": sooner}


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}")
async def place(number: int, request: Request, end: str = "commit") -> str:
    """Adds an order and its job."""
    async with request.state.pool.acquire() as connection, connection.transaction():
        await connection.execute("insert into orders values ($1)", number)
        job = await request.state.sooner.submit(
            "double", {"number": number}, tenant="acme", connection=connection
        )
        if end == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if end == "rollback":
            raise HTTPException(409)
    return str(job.id)


@app.get("/jobs/{id}")
async def result(id: UUID, request: Request) -> int:
    """The job's result, once it is there."""
    found: int = await request.state.sooner.handle(id).result()
    return found
