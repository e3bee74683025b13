"""The prefetch: jobs that a worker claims before a thread is free for them."""

#: The most work, in seconds, that may lie claimed and not begun: a job behind it waits unnoticeably longer.
PREFETCH_SECONDS = 0.02
#: The weight of the newest run in the average.
WEIGHT = 0.1
MOST = 64


class Prefetch:
    """Sizes claims of short jobs, so that a thread need not wait for a round trip before each.

    A prefetched job could have begun at once in another worker. So the prefetch is bounded in time, by the average
    duration of the last runs, and is 0 without any.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._average: float | None = None

    def note(self, seconds: float) -> None:
        """Note the duration of a run."""
        average = seconds if self._average is None else self._average
        self._average = average + WEIGHT * (seconds - average)

    @property
    def jobs(self) -> int:
        """The number of jobs to claim beyond the free threads."""
        if self._average is None:
            return 0
        return min(MOST, int(self._threads * PREFETCH_SECONDS / max(self._average, 1e-6)))
