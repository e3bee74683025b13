"""Actors for pipelines and callbacks: `dramatiq tests.support.steps` runs them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import dramatiq
from pydantic import SecretStr
from tenacity import wait_none

from sooner.jobs import job
from sooner.jobs.context import current
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job
async def add_on_loop(a: int, b: int) -> int:
    """The sum."""
    return a + b


@job
def add_on_thread(a: int, b: int) -> int:
    """The sum."""
    return a + b


@job(retries=1, wait=wait_none())
async def stumble(a: int) -> int:
    """Fails the first time."""
    if current().attempt == 1:
        raise ValueError("stumbled")
    return a


@job(retries=1, wait=wait_none())
async def fall() -> None:
    """Fails each time."""
    raise ValueError("fell")


@job
async def dawdle(seconds: float) -> None:
    """Takes its time."""
    await asyncio.sleep(seconds)


@job
async def unstorable() -> str:
    """Returns what PostgreSQL does not keep."""
    return "\0"


@job
async def whisper(token: SecretStr) -> str:
    """Returns its secret."""
    return token.get_secret_value()


@job
def send_several(*, times: int = 1, wait: bool = False) -> Any:
    """Sends messages of its own."""
    sent = [add_on_loop.send(number, 1) for number in range(times)]
    return [message.get_result(block=True) for message in sent] if wait else [m.message_id for m in sent]


@job
def send_in_turn() -> int:
    """Runs a pipeline and a group of its own, and waits for both."""
    steps: Any = dramatiq.pipeline([add_on_loop.message(1, 1), add_on_thread.message(1)])
    several: Any = cast(Any, dramatiq.group)([add_on_loop.message(number, 1) for number in range(2)])
    steps.run()
    several.run()
    total: int = steps.get_result(block=True) + sum(several.get_results(block=True))
    return total


@job
async def send_on_loop() -> None:
    """Would hold up the worker's loop."""
    add_on_loop.send(1, 1)


@job
def hear(message: dict[str, Any], outcome: Any) -> list[Any]:
    """What a callback is told."""
    return [message["actor_name"], outcome]
