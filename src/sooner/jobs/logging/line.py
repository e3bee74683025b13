"""A line of a job's log, made from a record of Python's logging."""

import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from sooner.jobs.failure import storable
from sooner.process.logs import redact
from sooner.process.logs.shorten import shorten
from sooner.process.logs.shown import as_texts, message_of, shown

#: The most characters of a message, of a text among the fields, and of all fields.
LONGEST_TEXT = 10_000
LONGEST_FIELDS = 40_000
DEEPEST = 5
#: The attributes that every record has; others came by `extra`.
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
#: The members that structlog, or the worker's own log, adds to what was said.
ADDED = frozenset({"job", "actor", "request_id", "traceparent", "timestamp", "level", "logger", "event"})


class Line(NamedTuple):
    """What was said. `fields` is a JSON text, or None."""

    at: datetime
    level: str
    logger: str
    message: str
    fields: str | None = None


def line_of(record: logging.LogRecord) -> Line:
    """The line of a record, without the secrets that this process knows."""
    at = datetime.fromtimestamp(record.created, UTC)
    message, fields = _said(record)
    return Line(at, record.levelname.lower(), _text(record.name), _text(message), _json(fields))


def bare_line_of(record: logging.LogRecord) -> Line:
    """The line of a record without its fields, which cannot be read."""
    at = datetime.fromtimestamp(record.created, UTC)
    return Line(at, record.levelname.lower(), _text(record.name), _text(_said(as_texts(record))[0]))


def _said(record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
    if isinstance(record.msg, dict) and not record.args:
        # structlog's events come as they are, to be rendered by a formatter.
        event = record.msg
        return shown(event.get("event", "")), {
            key: value for key, value in list(event.items()) if key not in ADDED
        }
    fields = {key: value for key, value in vars(record).items() if key not in STANDARD}
    if record.exc_info and record.exc_info[1] is not None:
        fields["exception"] = _exception(record.exc_info[1])
    if record.stack_info:
        fields["stack"] = record.stack_info
    return message_of(record), fields


def _exception(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error)).rstrip("\n")
    except Exception:  # noqa: BLE001 - an exception's own code may raise anything
        return f"{type(error).__name__}: its text cannot be made"


def _text(text: str) -> str:
    # Secrets are removed before the text is cut: half a secret would not be found.
    return shorten(storable(redact.hidden.text(text)), LONGEST_TEXT)


def _json(fields: Mapping[str, Any]) -> str | None:
    if not fields:
        return None
    text = orjson.dumps(_plain(fields, DEEPEST)).decode()
    if len(text) > LONGEST_FIELDS:
        names = ", ".join(map(shown, fields))
        text = orjson.dumps({"left_out": _text(f"fields of {len(text):,} characters: {names}")}).decode()
    return text


def _plain(value: Any, depth: int) -> Any:
    """The value as JSON has it; what JSON does not have, or lies too deep, as a text."""
    if value is None or isinstance(value, bool):
        return value
    if (
        isinstance(value, int | float)
        and abs(value) < 1 << 53
        and redact.hidden.text(str(value)) == str(value)
    ):
        return value
    if isinstance(value, dict) and depth:
        return {_text(shown(key)): _plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_plain(item, depth - 1) for item in value]
    return _text(shown(value))
