"""How many jobs a worker claims ahead of its threads."""

#: Work that may lie claimed and not begun, in seconds: less than anybody notices waiting behind it.
PREFETCH_SECONDS = 0.02
#: How fast the average follows the last runs.
WEIGHT = 0.1
MOST = 64


class Prefetch:
    """Lets short jobs be claimed in larger batches, so that threads need not wait for a round trip each time.

    A job that is claimed ahead of its thread could have begun at once in another worker; so what lies ahead is
    bounded in time, by the average length of the last runs. Without any, nothing is claimed ahead.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._average: float | None = None

    def note(self, seconds: float) -> None:
        """A run took this long."""
        average = seconds if self._average is None else self._average
        self._average = average + WEIGHT * (seconds - average)

    @property
    def jobs(self) -> int:
        """How many may be claimed beyond the free threads."""
        if self._average is None:
            return 0
        return min(MOST, int(self._threads * PREFETCH_SECONDS / max(self._average, 1e-6)))
