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
    """Set the fields, of a request or a job, for every later line of this task or thread."""
    _belongs.set(fields)


def _belonging(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
    return {**_belongs.get(), **event}


def _told(exc_info: ExcInfo) -> str:
    """An exception and its traceback as text, even if the exception's own code raises."""
    try:
        return "".join(traceback.format_exception(exc_info[1])).rstrip("\n")
    except BaseException:  # noqa: BLE001 - an exception that cannot be logged must not end its thread
        return f"{exc_info[0].__name__}: its text cannot be made"


#: The most characters of an exception with its traceback, which may be of any length.
LONGEST_EXCEPTION = 20_000


def _bounded(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Cut the middle out of a very long exception: its ends explain the most."""
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
    """Write every log line, including the libraries', to standard error as one line of JSON (or text).

    Each line names the `process`: web, worker or scheduler.
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
    # Off under all flags of the server: an address's query may hold a signature that is as good as a key.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    # At debug level these libraries log parameters of jobs, and addresses whose query may be a secret.
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
