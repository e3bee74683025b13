"""How long reading output rests."""

from sooner.jobs.output.rest import LASTING, LONG, LONGER, LONGEST, SHORT, WINDOW, Rest


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
    assert after(int(LASTING / WINDOW), 0.9) == 10 * LONG * LONGER
    assert rest(100_000) == LONGEST * LONGER
    assert after(20, 0.3) == 10 * SHORT
