"""What nobody caught becomes a line like the others, wherever Python would print it."""

import logging
import sys
import threading
from types import TracebackType

_log = logging.getLogger("uncaught")


def hook() -> None:
    """Log uncaught exceptions of this process, its threads, and its finalizers."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _log.critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_value is not None and caught.exc_type is not SystemExit:
        thread = "" if caught.thread is None else caught.thread.name
        exc_info = (caught.exc_type, caught.exc_value, caught.exc_traceback)
        _log.error("uncaught exception in thread %s", thread, exc_info=exc_info)


def _unraisable(caught: "sys.UnraisableHookArgs") -> None:
    if caught.exc_value is not None:
        exc_info = (caught.exc_type, caught.exc_value, caught.exc_traceback)
        _log.error("%s", caught.err_msg or "an exception that nobody could catch", exc_info=exc_info)
