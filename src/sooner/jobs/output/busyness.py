"""How busy a process is."""

import time
from collections.abc import Callable

#: The seconds over which the use of the processor is measured at least.
WINDOW = 0.1


class Busyness:
    """The part of a processor that the process uses, as a running mean."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._used = clock, used
        self._since, self._used_before = clock(), used()
        self._mean = 0.0

    def __call__(self) -> float:
        """The part; 1 is a whole processor."""
        passed = self._clock() - self._since
        if passed >= WINDOW:
            now = self._used()
            self._mean = (self._mean + (now - self._used_before) / passed) / 2
            self._since, self._used_before = self._since + passed, now
        return self._mean

    def between(self, least: float, most: float) -> float:
        """Where the part lies between two: 0 at the first one, 1 at the second."""
        return min(1.0, max(0.0, (self() - least) / (most - least)))
