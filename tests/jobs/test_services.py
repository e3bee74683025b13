"""Services that are no part of the deployment: what they submit in a transaction of theirs is there if it commits, and only then."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from sooner.local.ports import free_port
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.processes import PATIENCE
from tests.support.rows import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.processes import Processes

BOTH = "select number, message->'kwargs'->>'number' as asked from orders full join dramatiq.queue on orders.number = (message->'kwargs'->>'number')::integer order by 1"

DJANGO = """
import json, os, signal, sys
import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **json.loads(sys.argv[1])}})
django.setup()

from django.db import connection, transaction

def place(number):
    with connection.cursor() as cursor:
        cursor.execute("insert into orders values (%s)", [number])
        cursor.execute("select sooner.submit('double', %s, tenant => %s)", [json.dumps({"number": number}), "acme"])

class Refused(Exception):
    pass

with transaction.atomic():
    place(1)
    try:
        with transaction.atomic():
            place(2)
            raise Refused
    except Refused:
        pass
try:
    with transaction.atomic():
        place(3)
        raise Refused
except Refused:
    pass
with transaction.atomic():
    place(4)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
async def orders(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database, which has a table of the services' own."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("create table orders (number integer)")
    yield connection
    await connection.close()


async def test_a_fastapi_service(processes: Processes, orders: asyncpg.Connection, database_url: str) -> None:
    await processes.worker(module="tests.support.callers")
    port = free_port()
    serve = f"exec uvicorn tests.support.orders:app --port {port}"
    service = await processes.command(serve, DATABASE_URL=database_url)
    await service.line("Uvicorn running")
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False
    ) as client:
        placed = await client.post("/orders/1")
        assert placed.status_code == 200, placed.text
        assert (await client.get(f"/jobs/{placed.json()}")).json() == 2
        assert (await client.post("/orders/2?end=rollback")).status_code == 409
        with pytest.raises(httpx.TransportError):
            await client.post("/orders/3?end=kill")
    assert [tuple(row) for row in await orders.fetch(BOTH)] == [(1, "1")]


async def test_djangos_atomic(orders: asyncpg.Connection, database_url: str) -> None:
    url = urlsplit(database_url)
    named = {"HOST": url.hostname, "PORT": url.port, "USER": url.username, "PASSWORD": url.password}
    settings = json.dumps({**named, "NAME": url.path.lstrip("/")})
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DJANGO, settings, cwd=ROOT, env=environment({})
    )
    assert await program.wait() == -signal.SIGKILL
    gone = "select not exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid())"
    await until(orders, gone)
    assert [tuple(row) for row in await orders.fetch(BOTH)] == [(1, "1")]
