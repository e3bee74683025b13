"""How often something is done that may take long."""

import math
import time
from collections.abc import Callable

#: What takes long for the first time rests no longer than this: if something stood still, the next time will be short.
LONGEST_FIRST_REST = 30.0


class Pace:
    """Gives what is done again and again at most a share of the time: the longer it takes, the more seldom it is due.

    `least` and `most` are the seconds from one time to the next, whatever it took.
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
        """Whether it is time."""
        return self.rest <= 0

    @property
    def rest(self) -> float:
        """Seconds until it is due; none or fewer where it is."""
        return self._due_at - self._now()

    def took(self, seconds: float) -> None:
        """It was done just now, and took so long."""
        rest = min(self._most, max(self._least, seconds / self._share))
        was_long, self._is_long = self._is_long, rest > LONGEST_FIRST_REST
        self._due_at = self._now() + (rest if was_long else min(rest, LONGEST_FIRST_REST))

    def hurry(self) -> None:
        """It is due now, whatever it took."""
        self._due_at = -math.inf
