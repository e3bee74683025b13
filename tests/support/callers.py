"""Actors whose code submits jobs: `dramatiq tests.support.callers` runs them."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pydantic import SecretStr

from sooner import Limit, current, handle, job, submit, submit_all
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job(priority="high")
async def double(number: int) -> int:
    """Twice as much."""
    return 2 * number


@job(concurrency=Limit(1))
def one_by_one(number: int) -> int:
    """The same, one after another on a thread."""
    return number


@job(unique=True)
async def only_one(seconds: float) -> str:
    """There is one of these at a time."""
    await asyncio.sleep(seconds)
    return str(current().id)


@job
async def measure_secret(token: SecretStr) -> int:
    """How long it is."""
    return len(token.get_secret_value())


@job
async def break_down() -> None:
    """Fails."""
    raise ValueError("not for everybody")


@job
async def call(numbers: list[int]) -> list[int]:
    """Submits jobs and waits for them."""
    children = await submit_all([(double, {"number": number}) for number in numbers])
    alone = await submit("one_by_one", {"number": 1})
    secret = await submit(measure_secret, {"token": "sesame"})
    return [await each.result() for each in (*children, alone, secret)]


@job
async def add_up(number: int) -> int:
    """Waits for a job that waits for another, and so on."""
    both = await submit_all([(add_up, {"number": number - 1}), (double, {"number": 1})]) if number else []
    return sum(await asyncio.gather(*(each.result() for each in both)))


@job
def call_from_thread() -> int:
    """Submits from a loop of its own, on a thread."""

    async def submit_and_wait() -> int:
        number: int = await (await submit(double, {"number": 5})).result()
        return number

    return asyncio.run(submit_and_wait())


@job
async def call_detached() -> str:
    """Submits a job that is nobody's child."""
    return str((await submit(double, {"number": 1}, detached=True)).id)


@job
async def call_and_cancel() -> str:
    """Submits a job and ends it."""
    child = await submit(only_one, {"seconds": 60})
    return await handle(child.id).cancel()


@job
async def call_after(id: UUID) -> list[str]:
    """Submits jobs in every way once another job has ended."""
    await handle(id).result()
    children = [
        await submit(double, {"number": 1}),
        await submit("one_by_one", {"number": 2}),
        await submit(only_one, {"seconds": 0}),
        await submit(double, {"number": 3}, detached=True),
        await submit(only_one, {"seconds": 0}, detached=True, idempotency_key="k"),
        *await submit_all([(double, {"number": 4}), (double, {"number": 5})]),
    ]
    sent = await asyncio.to_thread(double.send, 6)
    return [*(str(child.id) for child in children), sent.message_id]
