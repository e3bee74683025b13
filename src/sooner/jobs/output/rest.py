"""The pauses in reading output, which leave the process to other requests."""

import time
from collections.abc import Callable

from sooner.jobs.output.busyness import Busyness

#: The seconds of a pause for each reader that a statement served, in a process that has time (twice of what sending the pieces costs),
#: in one that is busy for a moment, and in one that stays busy. There its other requests need the processor more than a reader needs each
#: piece at once: it gets its pieces by twos and threes, and each write to a client costs as much as ten pieces.
SHORT, LONG, LONGER = 0.0001, 0.0002, 0.00125
#: No pause is longer; the second where the process stays busy.
LONGEST, LONGEST_LASTING = 0.1, 0.25
#: The parts of a processor from which on a process has less time, and none.
BUSY, FULL = 0.4, 0.6
#: A process that has been busy for so many seconds stays busy. Two hundred readers who come at once are not such a load.
LASTING = 1.5


class Rest:
    """Tells how long to pause after a statement, by the number of its readers and by how busy the process is."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._clock = clock
        self._busyness = Busyness(clock, used)
        #: When the process was last not busy.
        self._at_ease_at = clock()

    def __call__(self, readers: int) -> float:
        """The seconds of the pause."""
        busy = self._busyness.between(BUSY, FULL)
        now = self._clock()
        if busy < 0.5:
            self._at_ease_at = now
        if now - self._at_ease_at >= LASTING:
            return min(LONGEST_LASTING, readers * LONGER)
        return min(LONGEST, readers * (SHORT + busy * (LONG - SHORT)))
