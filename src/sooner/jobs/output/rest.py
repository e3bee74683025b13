"""The pauses in reading output, which leave the process to other requests."""

import time
from collections.abc import Callable

from sooner.jobs.output.busyness import Busyness

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
        pause = min(LONGEST, readers * (SHORT + busy * (LONG - SHORT)))
        return pause * LONGER if now - self._at_ease_at >= LASTING else pause
