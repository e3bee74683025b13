"""What was logged as texts, even where the code of the logged values raises."""

import logging
from copy import copy
from typing import Any


def shown(value: Any) -> str:
    """A value as a text."""
    try:
        return value if type(value) is str else str(value)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return f"a {type(value).__name__} that cannot be shown"


def message_of(record: logging.LogRecord) -> str:
    """What a record says; the message with its arguments behind it where they do not fit it, or cannot be shown."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - the code of the arguments may raise anything
        return f"{shown(record.msg)} {shown(record.args)}" if record.args else shown(record.msg)


def as_texts(record: logging.LogRecord) -> logging.LogRecord:
    """The record with texts in the place of all that it was given."""
    plain = copy(record)
    if isinstance(record.msg, dict):
        # structlog's events come as they are. Another thread may add to them.
        members = list(record.msg.items())
        plain.msg = {shown(name): value if name == "exc_info" else shown(value) for name, value in members}
    else:
        plain.msg, plain.args = message_of(record), None
    return plain
