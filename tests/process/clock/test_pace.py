"""What takes long is done the more seldom."""

from typing import Any

import pytest

from sooner.process.clock.pace import LONGEST_FIRST_REST, Pace


class Time:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_what_was_never_done_is_due() -> None:
    assert Pace(0.1, now=Time()).is_due()


@pytest.mark.parametrize(
    ("bounds", "took", "rests"),
    [
        ({}, 0.5, 5.0),
        ({}, 0.0, 0.0),
        ({"least": 1.0}, 0.05, 1.0),
        ({"least": 1.0}, 0.5, 5.0),
        ({"most": 3.0}, 0.5, 3.0),
        ({"least": 1.0, "most": 3.0}, 0.2, 2.0),
    ],
)
def test_it_rests_for_as_long_as_it_took_by_its_share(
    bounds: dict[str, Any], took: float, rests: float
) -> None:
    pace = Pace(0.1, **bounds, now=(time := Time()))
    pace.took(took)
    assert pace.rest == pytest.approx(rests)
    time.seconds += rests - 0.01
    assert pace.is_due() is False
    time.seconds += 0.02
    assert pace.is_due()


def test_it_may_be_hurried() -> None:
    pace = Pace(0.1, now=Time())
    pace.took(10.0)
    pace.hurry()
    assert pace.is_due()


def test_what_takes_long_for_once_is_done_again_soon() -> None:
    pace = Pace(0.1, now=Time())
    for took, rests in ((10.0, LONGEST_FIRST_REST), (10.0, 100.0), (0.1, 1.0), (10.0, LONGEST_FIRST_REST)):
        pace.took(took)
        assert pace.rest == pytest.approx(rests)
