"""The durations of an actor's last runs, which estimate its next one."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Durations:
    """The durations of runs, in seconds."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._sorted: Sequence[float] = sorted(seconds)

    def __len__(self) -> int:
        return len(self._sorted)

    def quantile(self, share: float) -> float | None:
        """The shortest time within which at least that share of the runs ended; None without runs."""
        return _quantile(self._sorted, share)

    def left(self, elapsed: float) -> float | None:
        """The seconds left of a run that has taken `elapsed` so far: by the median of the runs that took longer.

        None where no run took longer.
        """
        longer = self._sorted[bisect_right(self._sorted, elapsed) :]
        median = _quantile(longer, 0.5)
        return None if median is None else median - elapsed


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
