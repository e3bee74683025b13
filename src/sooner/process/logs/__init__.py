"""Structured log lines of one process (structlog)."""

import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import Any

import structlog
from structlog.typing import ExcInfo

from sooner.process.logs import redact

_belongs: ContextVar[Mapping[str, Any]] = ContextVar("log_belongs", default=MappingProxyType({}))


def belong(**fields: Any) -> None:
    """Say to which request or job every later line of this task or thread belongs."""
    _belongs.set(fields)


def _belonging(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {**_belongs.get(), **event}


def _told(exc_info: ExcInfo) -> str:
    """An exception and its traceback, whatever its own code does when it is asked for its text."""
    try:
        return "".join(traceback.format_exception(exc_info[1])).rstrip("\n")
    except BaseException:  # noqa: BLE001 - a line that cannot be written must not end its thread
        return f"{exc_info[0].__name__}: it cannot be told"


#: Characters of an exception with its traceback: its text may be of any length.
LONGEST_EXCEPTION = 20_000


def _bounded(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """An exception without end tells most at its ends."""
    text, half = event.get("exception"), LONGEST_EXCEPTION // 2
    if isinstance(text, str) and len(text) > LONGEST_EXCEPTION:
        left_out = len(text) - LONGEST_EXCEPTION
        event["exception"] = f"{text[:half]}\n[{left_out:,} characters left out]\n{text[-half:]}"
    return event


SHARED: list[Any] = [
    _belonging,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.ExceptionRenderer(_told),
    _bounded,
]


def configure(process: str, *, format: str, level: str) -> None:
    """Send every log line, the libraries' too, to standard error as JSON (or text), one line each.

    `process` is web, worker or scheduler and stands in each line.
    """
    render: Any = (
        structlog.processors.JSONRenderer()
        if format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                _process(process),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact.hidden.line,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    # Whatever flags the server was given: an address's query may hold a signature that is as good as a key.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    # They log every argument at debug level, parameters of jobs included, and every address, whose query may be a secret.
    for name in ("databases", "httpx", "httpcore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("uncaught").critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(caught: threading.ExceptHookArgs) -> None:
    if caught.exc_value is not None and caught.exc_type is not SystemExit:
        thread = "" if caught.thread is None else caught.thread.name
        exc_info = (caught.exc_type, caught.exc_value, caught.exc_traceback)
        logging.getLogger("uncaught").error("uncaught exception in thread %s", thread, exc_info=exc_info)


def _process(name: str) -> Any:
    def add(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"process": name, **event}

    return add


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
