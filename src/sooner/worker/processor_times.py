"""The processor time of each thread of this process."""

import sys
import threading
import time


class ProcessorTimes:
    """Finds the thread that used the processor since the last look; elsewhere than on Linux, none.

    A look never lets go of the interpreter's lock: whoever takes it then may keep it for long.
    """

    def __init__(self) -> None:
        self._before: dict[threading.Thread, float] = {}

    def look(self) -> tuple[threading.Thread | None, float]:
        """The thread with the most processor time since the last look, and its seconds."""
        before, self._before = self._before, _seconds()
        taken = {thread: now - before.get(thread, 0.0) for thread, now in self._before.items()}
        most = max(taken, key=lambda thread: taken[thread], default=None)
        return most, 0.0 if most is None else taken[most]


def _seconds() -> dict[threading.Thread, float]:
    found: dict[threading.Thread, float] = {}
    if sys.platform != "linux":
        return found
    for thread in threading.enumerate():
        if thread.native_id is not None:
            try:
                found[thread] = time.clock_gettime(_clock(thread.native_id))
            except OSError:
                continue
    return found


def _clock(thread: int) -> int:
    """The processor clock of a thread by its native number (glibc, sysdeps/unix/sysv/linux/kernel-posix-cpu-timers.h).

    `time.pthread_getcpuclockid` would end the process where the thread has ended.
    """
    return (~thread << 3) | 6
