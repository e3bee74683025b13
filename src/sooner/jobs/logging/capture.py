"""Hearing what the code of jobs says: by logging, structlog or print, in tasks and threads of theirs too."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import thread as pool
from contextvars import Context, copy_context
from typing import Any

from sooner.jobs.context import Current, current_if_any
from sooner.jobs.logging.line import Line, bare_line_of, line_of
from sooner.process.logs import prints

#: The engine's loggers but those of its actors: what they say is the worker's.
ENGINE, ACTORS = "sooner.", "sooner.actors."

_start = threading.Thread.start
_submit = ThreadPoolExecutor.submit


class JobLogHandler(logging.Handler):
    """Passes on each record that the code of a job makes, with its job."""

    def __init__(self, say: Callable[[Current, Line], None]) -> None:
        super().__init__()
        self._say = say

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record without a lock: an actor may be stopped while it logs, and its threads need not wait for each other."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on a record of a job."""
        job = current_if_any()
        if job is not None and (not record.name.startswith(ENGINE) or record.name.startswith(ACTORS)):
            self._say(job, _line(record))


def _line(record: logging.LogRecord) -> Line:
    try:
        return line_of(record)
    except Exception:  # noqa: BLE001 - another thread may change what was logged; the job must not fail by it
        return bare_line_of(record)


class Capture:
    """Hears the code of jobs from `begin` to `end`."""

    def __init__(self, say: Callable[[Current, Line], None]) -> None:
        self._handler = JobLogHandler(say)
        self._loggers = [logging.getLogger(), *prints.LOGGERS]

    def begin(self) -> None:
        """Hear what is said from now on."""
        for logger in self._loggers:
            if logger.parent is None or not logger.propagate:
                logger.addHandler(self._handler)
        threading.Thread.start = start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign, assignment]

    def end(self) -> None:
        """Hear no more."""
        for logger in self._loggers:
            logger.removeHandler(self._handler)
        threading.Thread.start = _start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign]


def start(self: threading.Thread) -> None:
    """Start a thread, in a copy of the context of the job whose code starts it."""
    # A pool's thread outlives the job: each of its calls has a context of its own.
    is_pools = getattr(self, "_target", None) is getattr(pool, "_worker", pool)
    if current_if_any() is not None and not is_pools:
        self.run = _within(copy_context(), self)  # type: ignore[method-assign]
    _start(self)


def _within(context: Context, thread: threading.Thread) -> Callable[[], None]:
    run = thread.run

    def entered() -> None:
        # The thread, and not only its function: Python tells of its uncaught exception after the function.
        for variable, value in context.items():
            variable.set(value)
        del thread.run
        run()

    return entered


def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
    """Submit a call to a pool, in a copy of the context of the job whose code submits it."""
    if current_if_any() is None:
        return _submit(self, fn, *args, **kwargs)
    return _submit(self, copy_context().run, fn, *args, **kwargs)
