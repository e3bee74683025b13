"""SIGTERM and SIGHUP as a worker process hears them: the first one asks it to end, any other is no hurry.

A signal to the whole process group arrives twice, once through dramatiq's master, and dramatiq's own handler kills at the
second, even while the process still imports.
"""

import contextlib
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

_asked = False
_listeners: list[Callable[[], None]] = []


def hear_once() -> None:
    """Put this in front of dramatiq's handlers; in any other process it does nothing. Call it before imports that take long."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if callable(handler) and handler.__module__ == "dramatiq.cli":
            signal.signal(number, partial(_heed, handler))


def on_asked(listener: Callable[[], None]) -> None:
    """Have a function called when the process is asked to end: at once where it has been."""
    _listeners.append(listener)
    if _asked:
        listener()


def _heed(dramatiqs: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None) -> None:
    global _asked  # noqa: PLW0603 - a process is asked to end once
    if _asked:
        return
    _asked = True
    # It exits where one came before we were there to hear it; it has taken note of it all the same.
    with contextlib.suppress(SystemExit):
        dramatiqs(number, frame)
    for listener in _listeners:
        listener()
