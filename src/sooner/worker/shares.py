"""Shares: how much of the processor each thread of this process has had."""

import os
import threading
from pathlib import Path

TASKS = Path("/proc/self/task")
#: Units of what /proc says, a second (proc(5), utime and stime).
TICKS = os.sysconf("SC_CLK_TCK")


class Shares:
    """Tells which thread had the processor since the last look. Where the system does not say (it is no Linux), none had."""

    def __init__(self) -> None:
        self._before: dict[threading.Thread, float] = {}

    def look(self) -> tuple[threading.Thread | None, float]:
        """The thread that had the most since the last look, and its seconds."""
        before, self._before = self._before, _seconds()
        taken = {thread: now - before.get(thread, now) for thread, now in self._before.items()}
        most = max(taken, key=lambda thread: taken[thread], default=None)
        return most, 0.0 if most is None else taken[most]


def _seconds() -> dict[threading.Thread, float]:
    found = {}
    for thread in threading.enumerate():
        try:
            text = (TASKS / str(thread.native_id) / "stat").read_text()
        except OSError:
            continue
        # The thread's own name stands in parentheses before, and may hold anything.
        fields = text.rpartition(")")[2].split()
        found[thread] = (int(fields[11]) + int(fields[12])) / TICKS
    return found
