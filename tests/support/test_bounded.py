"""The bound of every test."""

import asyncio
import traceback

import pytest

from tests.support.bounded import bounded


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


async def test_what_waits_for_ever_fails_where_it_waits() -> None:
    with pytest.raises(TimeoutError) as failure:
        await bounded(wait_for_ever, 0.01)()
    cause = failure.value.__cause__
    assert cause is not None
    assert "await asyncio.Event().wait()" in traceback.format_exc() + "".join(
        traceback.format_exception(cause)
    )


async def test_every_test_has_that_bound(request: pytest.FixtureRequest) -> None:
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    unbounded = [
        test.nodeid for test in tests if asyncio.iscoroutinefunction(test.obj) and not is_bounded(test)
    ]
    assert unbounded == []


def is_bounded(test: pytest.Function) -> bool:
    return bool(test.obj.__code__.co_qualname.startswith("bounded."))
