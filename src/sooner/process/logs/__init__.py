"""Structured log lines of one process (structlog)."""

import atexit
import logging
import sys
import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TextIO

import structlog
from structlog.typing import ExcInfo

from sooner.process.logs import prints, redact, uncaught
from sooner.process.logs.line_handler import LineHandler
from sooner.process.logs.records import records
from sooner.process.logs.shorten import shorten

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
    if isinstance(text := event.get("exception"), str):
        # Secrets are removed before the text is cut: half a secret would not be found.
        event["exception"] = shorten(redact.hidden.text(text), LONGEST_EXCEPTION)
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

    Each line names the `process`: web, worker or scheduler. A printed line becomes a log line where lines are JSON.
    """
    stderr = _original(sys.stderr)
    records.configure(process, stderr, format=format, level=level)
    handler = LineHandler(stderr)
    handler.setFormatter(_formatter(process, format))
    handler.setLevel(level.upper())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _tame_libraries()
    logging.captureWarnings(capture=True)
    uncaught.hook()
    if format == "json" or process == "worker":
        _hear_prints(is_json=format == "json")
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


def _hear_prints(*, is_json: bool) -> None:
    """Make log lines of what is printed: in the process's log where it is JSON, and in the log of a job at any level."""
    for logger in prints.LOGGERS:
        logger.propagate = is_json
        logger.setLevel(logging.INFO)
    sys.stdout, sys.stderr = (
        prints.Prints(name, _original(stream), _job_here, passes_on=not is_json)
        for name, stream in (("print", sys.stdout), ("stderr", sys.stderr))
    )
    atexit.register(_finish_all)


def _original(stream: TextIO) -> TextIO:
    original: TextIO = getattr(stream, "original", stream)
    return original


def _job_here() -> str | None:
    return _belongs.get().get("job")


def finish_printing() -> None:
    """Log the lines that the running job has printed and not ended."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, prints.Prints):
            stream.finish()


def _finish_all() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, prints.Prints):
            stream.finish_all()


def _formatter(process: str, format: str) -> logging.Formatter:
    json, text = structlog.processors.JSONRenderer(), structlog.dev.ConsoleRenderer(colors=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            _process(process),
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact.hidden.line,
            json if format == "json" else text,
        ],
    )


def _tame_libraries() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        # The Procfile's flag is for the parent of several web processes, whose lines are plain text.
        library.setLevel(logging.NOTSET)
    # The server's access log holds queries, and the signature in a query is as good as a key: the record of a request says the rest.
    logging.getLogger("uvicorn.access").disabled = True
    # They log every argument at debug level, parameters of jobs included, and every address, whose query may be a secret.
    for name in ("databases", "httpx", "httpcore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # dramatiq logs the failures of synchronous actors alone, and the record of an attempt says more of both kinds.
    logging.getLogger("dramatiq.worker.WorkerThread").addFilter(_is_no_failure)


def _is_no_failure(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Failed to process message")


def _process(name: str) -> Any:
    def add(logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"process": name, **event}

    return add


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of one module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
