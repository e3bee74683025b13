"""The watchdog: it logs that a worker's event loop is held up, and ends a worker whose loop stands still."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from sooner.process import logs
from sooner.worker.loop import LoopThread
from sooner.worker.processor_times import ProcessorTimes

log = logs.get(__name__)

#: The seconds between two probes of the loop.
TICK_SECONDS = 0.25
#: A loop without an answer for so long is held up: no job is claimed, ended or cancelled meanwhile.
HELD_UP_SECONDS = 1.0


class Watchdog:
    """A thread that probes the event loop.

    It counts its own ticks and not a clock's time: while the whole process was frozen, the loop was not held up.
    `holder` finds the job whose code runs in a frame, or in a task of the loop. `patience`: the seconds until the process ends.

    C code that keeps the interpreter's lock lets no thread run, not even this one: the job is named after the lock is free.
    """

    def __init__(
        self,
        loop: LoopThread,
        holder: Callable[[FrameType, "asyncio.Task[Any] | None"], Mapping[str, str]],
        *,
        patience: float,
    ) -> None:
        self._loop = loop
        self._holder = holder
        self._patience = patience
        self._processor_times = ProcessorTimes()
        self._ticked_at = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        # The first job may come before the first tick ends.
        self._processor_times.look()
        self._ticked_at = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._tick(self._ended):
            turned = threading.Event()
            try:
                self._loop.loop.call_soon_threadsafe(turned.set)
            except RuntimeError:
                self._end("event loop ended", {})
            self._await(turned)

    def _await(self, turned: threading.Event) -> None:
        seconds, holder = 0.0, None
        while not self._tick(turned) and not self._ended.is_set():
            seconds += TICK_SECONDS
            if seconds >= HELD_UP_SECONDS and holder is None:
                holder = self._held_up()
                log.warning("event loop held up", **holder)
            if seconds >= self._patience or not self._loop.is_alive():
                self._end("event loop stands still", holder or self._held_up())
        if holder is not None:
            log.warning("event loop goes on", seconds=seconds, **holder)

    def _held_up(self) -> dict[str, str]:
        """The job that holds up the loop, and the line of its code, as far as the thread's frames show."""
        return self._running_code(self._loop)

    def _running_code(self, thread: threading.Thread) -> dict[str, str]:
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - there is no public way
        if frame is None:
            return {}
        where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        task = asyncio.current_task(self._loop.loop) if thread is self._loop else None
        return {**self._holder(frame, task), "at": where}

    def _tick(self, event: threading.Event) -> bool:
        """Wait for an event for one tick; True where it came."""
        came = event.wait(TICK_SECONDS)
        # From one tick to the next, since the lock may be lost between two waits, too.
        now = time.monotonic()
        late, self._ticked_at = now - self._ticked_at - TICK_SECONDS, now
        thread, seconds = self._processor_times.look()
        # Where no thread used the processor, the whole process was frozen, and no job is to blame. On a busy machine the one to blame
        # had less of it than the time that passed.
        least = TICK_SECONDS + min(late / 2, HELD_UP_SECONDS)
        if late >= HELD_UP_SECONDS and thread is not None and seconds >= least:
            log.warning("interpreter held up", seconds=round(late, 2), **self._running_code(thread))
        return came

    def _end(self, why: str, facts: Mapping[str, Any]) -> None:
        """End the process: the lease runs out, other workers take its jobs, and the platform starts another."""
        log.critical(why, **facts)
        os._exit(os.EX_SOFTWARE)
