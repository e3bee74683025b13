"""Actors that say what they should not, or in an unusual way: what others make of it is in `tests/worker/test_says.py`."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, NoReturn
from uuid import UUID

from pydantic import BaseModel, Field
from tenacity import wait_none

from sooner import Upload, current, job, progress
from sooner.jobs.failure import Failure
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job
async def unexpected() -> None:
    """Meets what nobody foresaw."""
    raise LookupError("what the tenant is not to read")


@job
def unexpected_on_thread() -> None:
    """The same on a thread."""
    raise LookupError("what the tenant is not to read")


@job
def prints() -> None:
    """Prints from a thread."""
    print("one\ntwo", {"three": 3})  # noqa: T201


@job
async def greets(name: str) -> str:
    """Greets on the loop."""
    return f"Hello, {name}, attempt {current().attempt}"


@job
def greets_on_thread(name: str) -> str:
    """Greets on a thread."""
    if not name:
        raise Failure("nobody")
    return f"Hello, {name}, attempt {current().attempt}"


def _called() -> list[str]:
    try:
        greets_on_thread("")
    except Failure as failure:
        return [str(failure), greets_on_thread("Ada")]
    return []


@job
async def calls_another() -> list[str]:
    """Calls a synchronous actor from the loop."""
    return _called()


@job
def calls_another_on_thread() -> list[str]:
    """Calls a synchronous actor from a thread."""
    return _called()


class Unfinished:
    def __del__(self) -> None:
        raise ValueError("in a finalizer")


@job
async def finalizes() -> None:
    """Leaves an object whose finalizer raises, and prints from the loop."""
    Unfinished()
    print("four")  # noqa: T201


async def _fail(*, again: bool) -> NoReturn:
    raise Failure("no luck", type="unlucky", title="It went wrong", again=again)


async def _wait() -> NoReturn:
    try:
        await asyncio.sleep(60)
    finally:
        raise LookupError("what the tenant is not to read")


@job(retries=2, wait=wait_none())
async def fail_in_a_group(again: bool, others: int) -> None:
    """Fails in one of several tasks."""
    async with asyncio.TaskGroup() as group:
        for _ in range(others):
            group.create_task(_wait())
        await asyncio.sleep(0)
        group.create_task(_fail(again=again))


@job(retries=2, wait=wait_none())
def fail_in_a_group_on_thread(again: bool, others: int) -> None:
    """The same on a thread."""
    failures: list[Exception] = [Failure("no luck", type="unlucky", title="It went wrong", again=again)]
    raise ExceptionGroup("all that went wrong", failures + [LookupError("secret")] * others)


#: Words of progress that are none as they stand.
WORDS: list[tuple[Any, Any]] = [
    (1.0000000000000007, "a little beyond"),
    (-0.1, "before it began"),
    (float("nan"), "nobody knows"),
    (float("inf"), None),
    (10**400, None),
    (Decimal("0.25"), 25),
    (None, "a\0b\ud800c"),
    (0.5, "x" * 5_000),
]


@job
async def tell(number: int) -> int:
    """Tells how far it is in one of these words."""
    progress(*WORDS[number])
    return number


@job
def tell_on_thread(number: int) -> int:
    """The same on a thread."""
    progress(*WORDS[number])
    return number


class Bill(BaseModel):
    """What is owed."""

    total: Decimal = Field(serialization_alias="theTotal")
    paid_by: set[str]
    within: timedelta


@job
async def bill(total: str) -> Bill:
    """Bills somebody."""
    return Bill(total=Decimal(total), paid_by={"me"}, within=timedelta(days=1))


@job
def bill_on_thread(total: str) -> Bill:
    """The same on a thread."""
    return Bill(total=Decimal(total), paid_by={"me"}, within=timedelta(days=1))


@job
async def nothing_there(way: Literal["NaN", "deep", "misfit"]) -> list[float | list[Any]]:
    """Gives back what JSON does not have, or what was not declared."""
    return _unfit(way)


@job
def nothing_there_on_thread(way: Literal["NaN", "deep", "misfit", "unawaited"]) -> list[float | list[Any]]:
    """The same on a thread."""
    return _unfit(way) if way != "unawaited" else asyncio.sleep(0)  # type: ignore[return-value]


def _unfit(way: str) -> list[float | list[Any]]:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    return {"NaN": [float("nan")], "deep": deep, "misfit": ["x"]}[way]


class Sheet(BaseModel):
    """A page that was uploaded."""

    file: Upload


@job
async def weigh(first: Upload | None, others: list[Sheet]) -> list[UUID]:
    """Tells which uploads it got."""
    return [each for each in (first, *(sheet.file for sheet in others)) if each is not None]
