"""The pace of repeated work that may take long."""

import math
import time
from collections.abc import Callable

#: The longest rest after the first long run: if the process was only held up, the next run will be short.
LONGEST_FIRST_REST = 30.0


class Pace:
    """Bounds repeated work to a share of the time: the longer a run takes, the later the next is due.

    `least` and `most` bound the seconds between two runs.
    """

    def __init__(
        self,
        share: float,
        *,
        least: float = 0.0,
        most: float = math.inf,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share = share
        self._least = least
        self._most = most
        self._now = now
        self._due_at = -math.inf
        self._is_long = False

    def is_due(self) -> bool:
        """Whether it is time for the next run."""
        return self.rest <= 0

    @property
    def rest(self) -> float:
        """The seconds until the next run; 0 or less when it is due."""
        return self._due_at - self._now()

    def took(self, seconds: float) -> None:
        """Note a run that has just ended, and its duration."""
        rest = min(self._most, max(self._least, seconds / self._share))
        was_long, self._is_long = self._is_long, rest > LONGEST_FIRST_REST
        self._due_at = self._now() + (rest if was_long else min(rest, LONGEST_FIRST_REST))

    def hurry(self) -> None:
        """Make the next run due now."""
        self._due_at = -math.inf
