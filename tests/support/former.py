"""Actors before a deployment changed how each is declared; `tests.support.changed` is the deployment after."""

from __future__ import annotations

from sooner.jobs import Limit, Rate, job
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job
def to_async(former: bool = False) -> None:
    """A thread's."""
    fail(former)


@job
async def to_thread(former: bool = False) -> None:
    """A task."""
    fail(former)


@job(concurrency=Limit(1))
async def to_unlimited(former: bool = False) -> None:
    """Limited in what runs at once."""
    fail(former)


@job(concurrency=Limit(1, per="tenant"))
async def to_wider(former: bool = False) -> None:
    """Limited to one at once."""
    fail(former)


@job(rate=Rate(100, seconds=1))
def to_unrated(former: bool = False) -> None:
    """Limited in how often it runs."""
    fail(former)


@job
async def to_limited(former: bool = False) -> None:
    """Unlimited."""
    fail(former)


@job(priority="low")
def to_rated(former: bool = False) -> None:
    """Unlimited, on a thread, and of low priority."""
    fail(former)


@job(queue="reports")
async def to_other_queue(former: bool = False) -> None:
    """In a queue of its own."""
    fail(former)


@job
async def removed(former: bool = False) -> None:
    """Is there no more then."""
    fail(former)


def fail(former: bool) -> None:
    """A job of the former deployment that only the next one can do."""
    if former:
        raise RuntimeError("only the next deployment can do this")
