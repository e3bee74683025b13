"""Actors for pipelines and callbacks: `dramatiq tests.support.steps` runs them."""

from __future__ import annotations

from typing import Any

from tenacity import wait_none

from sooner.jobs import job
from sooner.jobs.context import current
from src.actors import broker

__all__ = ["broker"]


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
def hear(message: dict[str, Any], outcome: Any) -> list[Any]:
    """What a callback is told."""
    return [message["actor_name"], outcome]
