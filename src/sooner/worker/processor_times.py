"""The processor time of each thread of this process."""

import os
import threading
from pathlib import Path

TASKS = Path("/proc/self/task")
#: The units of /proc's times in a second (proc(5), utime and stime).
TICKS = os.sysconf("SC_CLK_TCK")


class ProcessorTimes:
    """Finds the thread that used the processor since the last look; elsewhere than on Linux, none."""

    def __init__(self) -> None:
        self._before: dict[threading.Thread, float] = {}

    def look(self) -> tuple[threading.Thread | None, float]:
        """The thread with the most processor time since the last look, and its seconds."""
        before, self._before = self._before, _seconds()
        taken = {thread: now - before.get(thread, 0.0) for thread, now in self._before.items()}
        most = max(taken, key=lambda thread: taken[thread], default=None)
        return most, 0.0 if most is None else taken[most]


def _seconds() -> dict[threading.Thread, float]:
    found = {}
    for thread in threading.enumerate():
        try:
            text = (TASKS / str(thread.native_id) / "stat").read_text()
        except OSError:
            continue
        # The fields follow the thread's name, which is in parentheses and may hold any character.
        fields = text.rpartition(")")[2].split()
        found[thread] = (int(fields[11]) + int(fields[12])) / TICKS
    return found
