"""How long reading output rests, and writing it."""

import pytest

from sooner.jobs.output.busyness import WINDOW
from sooner.jobs.output.rest import LASTING, LONG, LONGER, LONGEST, LONGEST_LASTING, SHORT, Rest
from sooner.jobs.output.writer import LATEST, MORE_TIMES, SOONEST, TIMES, apart


def test_a_busy_process_rests_longer_and_comes_back() -> None:
    now, used = 0.0, 0.0
    rest = Rest(lambda: now, lambda: used)

    def after(windows: int, busy: float) -> float:
        nonlocal now, used
        for _ in range(windows):
            now, used = now + WINDOW, used + busy * WINDOW
            rest(10)
        return rest(10)

    assert after(20, 0.3) == 10 * SHORT
    assert after(1, 1.0) > 10 * SHORT
    assert after(6, 0.9) == 10 * LONG
    assert rest(100_000) == LONGEST
    assert after(int(LASTING / WINDOW), 0.9) == 10 * LONGER
    assert rest(100_000) == LONGEST_LASTING
    assert after(20, 0.3) == 10 * SHORT


def test_a_busy_process_writes_less_often_and_never_later_than_it_may() -> None:
    assert apart(0.0001, 0) == SOONEST
    assert apart(0.01, 0) == pytest.approx(0.01 * TIMES)
    assert apart(0.001, 0.5) == pytest.approx(0.001 * (TIMES + MORE_TIMES) / 2)
    assert apart(0.0001, 1) == SOONEST
    assert apart(0.01, 1) == LATEST
    assert apart(1, 0) == LATEST
