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
    assert "await asyncio.Event().wait()" in "".join(traceback.format_exception(cause))


class TestOfAClass:
    async def test_it_has_that_bound_too(self) -> None:
        assert is_bounded()


async def test_every_test_has_that_bound() -> None:
    assert is_bounded()


def is_bounded() -> bool:
    """Whether what runs now stands inside a bound."""
    return any(
        frame.name == "run" and frame.filename.endswith("bounded.py") for frame in traceback.extract_stack()
    )
