"""The suite's actors as they were before `greet` took a title."""

from __future__ import annotations

from sooner.jobs import job
from src.actors import broker

__all__ = ["broker"]


@job
async def greet(name: str) -> str:
    """Says hello."""
    return f"Hello {name}"


@job
def greet_on_thread(name: str) -> str:
    """Says hello, on a thread."""
    return f"Hello {name}"
