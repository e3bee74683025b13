"""Actors after a deployment changed how each is declared; `tests.support.former` is the deployment before."""

from __future__ import annotations

import asyncio

from sooner.jobs import Limit, Rate, job
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job
async def to_async(former: bool = False) -> None:
    """A task."""


@job
def to_thread(former: bool = False) -> None:
    """A thread's."""


@job
async def to_unlimited(former: bool = False) -> None:
    """Unlimited."""


@job(concurrency=Limit(5, per="tenant"))
async def to_wider(former: bool = False) -> None:
    """Limited to five at once."""


@job
def to_unrated(former: bool = False) -> None:
    """Unlimited."""


@job(concurrency=Limit(1))
async def to_limited(former: bool = False) -> None:
    """Limited in what runs at once."""
    await asyncio.sleep(0.1)


@job(rate=Rate(100, seconds=1), priority="high")
def to_rated(former: bool = False) -> None:
    """Limited in how often it runs."""


@job(queue="exports")
async def to_other_queue(former: bool = False) -> None:
    """In another queue of its own."""
