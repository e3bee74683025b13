"""SIGTERM and SIGHUP in a worker process: the first signal asks the process to end, further signals are ignored.

A signal to the process group arrives twice, once through dramatiq's master, and dramatiq's own handler ends the process
at the second signal, even while it still imports.
"""

import contextlib
import signal
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

_asked = False
_is_worker = False
_listeners: list[Callable[[], None]] = []


def hear_once() -> None:
    """Wrap dramatiq's handlers; in other processes this does nothing. Call it before slow imports."""
    global _is_worker  # noqa: PLW0603 - a process is of one kind
    for number in (signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if callable(handler) and handler.__module__ == "dramatiq.cli":
            signal.signal(number, partial(_heed, handler))
            _is_worker = True


def is_worker() -> bool:
    """Whether this process is a worker of dramatiq's."""
    return _is_worker


def on_asked(listener: Callable[[], None]) -> None:
    """Call a function when the process is asked to end, or at once where it has been asked."""
    _listeners.append(listener)
    if _asked:
        listener()


def _heed(dramatiqs: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None) -> None:
    global _asked  # noqa: PLW0603 - a process is asked to end once
    if _asked:
        return
    _asked = True
    # dramatiq's handler exits where a signal came before ours was installed, but it has noted the signal.
    with contextlib.suppress(SystemExit):
        dramatiqs(number, frame)
    for listener in _listeners:
        listener()
