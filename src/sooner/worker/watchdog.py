"""The watchdog: a worker whose event loop is held up says so, and one whose loop stands still for good ends."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from sooner.process import logs
from sooner.worker.loop import LoopThread

log = logs.get(__name__)

#: How often the loop is asked for a sign of life, in seconds.
TICK_SECONDS = 0.25
#: A loop that gives none for so long is held up: no job claims, ends or is cancelled meanwhile.
HELD_UP_SECONDS = 1.0


class Watchdog:
    """A thread that asks the loop for signs of life.

    It counts its own ticks, not a clock's time: where the whole process was frozen, the loop was not held up.
    `holder` finds the job whose code a frame of the loop's thread runs, in a task of it. `patience`: seconds until the process ends.
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
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            turned = threading.Event()
            try:
                self._loop.loop.call_soon_threadsafe(turned.set)
            except RuntimeError:
                self._end("event loop ended", {})
            self._await(turned)

    def _await(self, turned: threading.Event) -> None:
        seconds, holder = 0.0, None
        while not turned.wait(TICK_SECONDS) and not self._ended.is_set():
            seconds += TICK_SECONDS
            if seconds >= HELD_UP_SECONDS and holder is None:
                holder = self._held_up()
                log.warning("event loop held up", **holder)
            if seconds >= self._patience or not self._loop.is_alive():
                self._end("event loop stands still", holder or self._held_up())
        if holder is not None:
            log.warning("event loop goes on", seconds=seconds, **holder)

    def _held_up(self) -> dict[str, str]:
        """Which job holds up the loop, as far as its thread's frames tell, and where."""
        frame = sys._current_frames().get(self._loop.ident or 0)  # noqa: SLF001 - there is no other way to look
        if frame is None:
            return {}
        where = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
        return {**self._holder(frame, asyncio.current_task(self._loop.loop)), "at": where}

    def _end(self, why: str, facts: Mapping[str, Any]) -> None:
        """End the process: the lease runs out, other workers take its jobs, and the platform starts another."""
        log.critical(why, **facts)
        os._exit(os.EX_SOFTWARE)
