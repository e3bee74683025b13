"""Jobs from a program's own code: how many a second by one caller, one after the other, and how long many at once take."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import dramatiq
import psycopg2
from dramatiq_pg import PostgresBroker, generate_init_sql

from sooner import Sooner
from src.actors import broker
from tests.benchmarks.bench import SECONDS, Bench

SUBMIT = "select sooner.submit('echo', '{\"a\": 1}')"


async def floor(bench: Bench) -> float:
    """A row of a table without an index, and its commit, by psycopg2."""
    connection = psycopg2.connect(bench.url)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("create table one_row (number integer)")
    try:
        return await asyncio.to_thread(_often, lambda: cursor.execute("insert into one_row values (1)"))
    finally:
        cursor.execute("drop table one_row")
        connection.close()


async def stock(bench: Bench) -> float:
    """Stock dramatiq-pg's `.send()`."""
    url = bench.databases.url(bench.databases.empty())
    connection = await asyncpg.connect(url)
    await connection.execute(generate_init_sql())
    await connection.close()
    stock_broker = PostgresBroker(url=url, results=False)
    stock_broker.declare_queue("default")
    actor: dramatiq.Actor[..., None] = dramatiq.actor(_nothing, broker=stock_broker)
    try:
        return await asyncio.to_thread(_often, lambda: actor.send(a=1))
    finally:
        stock_broker.pool.closeall()


def _nothing(a: int) -> None:
    """Nothing."""


async def send(bench: Bench) -> float:
    """`.send()`."""
    before = broker.pool
    broker.open(bench.url, retention=60)
    try:
        return await asyncio.to_thread(_often, lambda: broker.actors["echo"].send(a=1))
    finally:
        broker.pool.closeall()
        broker.pool = before
        await bench.empty()


async def submit(bench: Bench) -> float:
    """By `submit`."""
    return await _submit(bench, broker.actors["echo"])


async def submit_by_name(bench: Bench) -> float:
    """By `submit`, of an actor that workers alone know."""
    return await _submit(bench, "elsewhere")


async def _submit(bench: Bench, actor: "dramatiq.Actor[..., Any] | str") -> float:
    async with Sooner(bench.url) as sooner:
        number, until = 0, time.perf_counter() + SECONDS
        await sooner.submit(actor, {"a": 1})
        while time.perf_counter() < until:
            await sooner.submit(actor, {"a": 1})
            number += 1
    await bench.empty()
    return number / SECONDS


async def sql(bench: Bench) -> float:
    """`select sooner.submit(…)`, by psycopg2."""
    connection = psycopg2.connect(bench.url)
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        return await asyncio.to_thread(_often, lambda: cursor.execute(SUBMIT))
    finally:
        connection.close()
        await bench.empty()


def _often(call: Callable[[], object]) -> float:
    call()
    number, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        call()
        number += 1
    return number / SECONDS


async def many(bench: Bench, count: int, *, within: bool) -> float:
    """Seconds that `submit_all` takes, in a transaction of the caller's or without."""
    jobs = [(broker.actors["echo"], {"a": number}) for number in range(count)]
    connection = await asyncpg.connect(bench.url)
    async with Sooner(bench.url) as sooner:
        await sooner.submit(*jobs[0])
        began = time.perf_counter()
        if within:
            async with connection.transaction():
                await sooner.submit_all(jobs, connection=connection)
        else:
            await sooner.submit_all(jobs)
        took = time.perf_counter() - began
    await connection.close()
    await bench.empty()
    return took


WAYS: dict[str, Callable[[Bench], Awaitable[float]]] = {
    "floor, one row and its commit": floor,
    "stock dramatiq-pg's .send()": stock,
    ".send()": send,
    "submit": submit,
    "submit, by name": submit_by_name,
    "select sooner.submit(…)": sql,
}
