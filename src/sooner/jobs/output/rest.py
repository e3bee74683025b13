"""The pauses in reading output, which leave the process to other requests."""

import time
from collections.abc import Callable

#: The seconds of a pause for each reader that a statement served, in a process that has time: twice of what sending the pieces
#: costs. In a busy one a reader gets its pieces by twos and threes: each write to a client costs as much as ten pieces.
SHORT, LONG = 0.0001, 0.0005
#: No pause is longer.
LONGEST = 0.1
#: The parts of a processor from which on a process has less time, and none.
BUSY, FULL = 0.4, 0.6
#: A process that has been busy for so many seconds makes its pauses so many times as long: its other requests need the processor more
#: than a reader needs each piece at once.
LASTING, LONGER = 1.5, 2.5
#: The seconds over which the use of the processor is measured at least.
WINDOW = 0.1


class Rest:
    """Tells how long to pause after a statement, by the number of its readers and by how busy the process is."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.process_time
    ) -> None:
        self._clock, self._used = clock, used
        self._since, self._used_before = clock(), used()
        self._busy = 0.0
        #: When the process was last not busy.
        self._at_ease_at = self._since

    def __call__(self, readers: int) -> float:
        """The seconds of the pause."""
        self._look()
        share = min(1.0, max(0.0, (self._busy - BUSY) / (FULL - BUSY)))
        pause = min(LONGEST, readers * (SHORT + share * (LONG - SHORT)))
        return pause * LONGER if self._since - self._at_ease_at >= LASTING else pause

    def _look(self) -> None:
        """Measure the use of the processor, as a running mean."""
        passed = self._clock() - self._since
        if passed >= WINDOW:
            now = self._used()
            self._busy = (self._busy + (now - self._used_before) / passed) / 2
            self._since, self._used_before = self._since + passed, now
            if self._busy < (BUSY + FULL) / 2:
                self._at_ease_at = self._since
