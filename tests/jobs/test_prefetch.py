"""Claims ahead of threads are bounded by the time that what lies ahead would take."""

from sooner.jobs.running.prefetch import MOST, Prefetch


def after(*seconds: float) -> int:
    prefetch = Prefetch(8)
    for took in seconds:
        prefetch.note(took)
    return prefetch.jobs


def test_nothing_is_known_and_nothing_claimed_ahead() -> None:
    assert after() == 0


def test_short_jobs_are_claimed_in_numbers() -> None:
    assert after(0.0001) == MOST
    assert after(0.0) == MOST


def test_long_jobs_are_left_to_other_workers() -> None:
    assert after(1.0) == 0
    assert after(*[0.0001] * 50, 10.0) == 0


def test_the_average_follows() -> None:
    assert after(1.0, *[0.0001] * 200) == MOST
