"""A test that waits for ever fails where it waits, and the run goes on.

A plugin: a client's own timeout bounds no stream of events, whose comments go on for ever, nor a bare socket. What
blocks the event loop, or a fixture, ends with its process: see `faulthandler_timeout` in pyproject.toml.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Test = Callable[..., Awaitable[None]]

SECONDS = 240
SLOW_SECONDS = 600


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bounds a test that is a coroutine, each time that it is run."""
    if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
        item.obj = bounded(item.obj, SLOW_SECONDS if item.get_closest_marker("slow") else SECONDS)


def bounded(test: Test, seconds: float) -> Test:
    """The test, which raises TimeoutError from where it waits when it takes longer."""

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return run
