"""What the last runs of an actor say of its next one."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Durations:
    """Seconds that runs took."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self._sorted: Sequence[float] = sorted(seconds)

    def __len__(self) -> int:
        return len(self._sorted)

    def quantile(self, share: float) -> float | None:
        """The shortest time within which at least that share of the runs ended; None where there were none."""
        return _quantile(self._sorted, share)

    def left(self, elapsed: float) -> float | None:
        """How much longer a run takes that has taken `elapsed` so far: the median of the runs that took longer.

        None where no run did.
        """
        longer = self._sorted[bisect_right(self._sorted, elapsed) :]
        median = _quantile(longer, 0.5)
        return None if median is None else median - elapsed


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
