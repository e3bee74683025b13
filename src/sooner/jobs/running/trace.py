"""An attempt's exception and traceback as texts for operators, never with the values of variables."""

import traceback
from collections.abc import Iterable

import orjson

from sooner.jobs.failure import storable
from sooner.process.logs import redact
from sooner.process.logs.shorten import shorten

#: The innermost calls explain an endless recursion best.
FRAMES = 100
LONGEST_EXCEPTION = 2_000
LONGEST_TRACEBACK = 10_000


def trace(error: BaseException) -> str:
    """The exception and its traceback as JSON, without the secrets that this process knows."""
    return orjson.dumps(_members(error)).decode()


def _members(error: BaseException) -> dict[str, str | None]:
    try:
        formatted = traceback.TracebackException.from_exception(error, limit=-FRAMES)
        lines = [*formatted.format()] if error.__traceback__ or error.__cause__ or error.__context__ else []
        only = [*formatted.format_exception_only()]
    except BaseException:  # noqa: BLE001 - an exception's code may raise anything, and may be too deep to format
        lines, only = [], [type(error).__name__]
    return {
        "exception": _text(only, LONGEST_EXCEPTION),
        "traceback": _text(lines, LONGEST_TRACEBACK) if lines else None,
    }


def _text(lines: Iterable[str], most: int) -> str:
    return shorten(storable(redact.hidden.text(_shorter("".join(lines).strip(), most))), most)


def _shorter(text: str, most: int) -> str:
    """Both ends of a very long text, which are enough to find the secrets in what `_text` keeps."""
    return text if len(text) <= 8 * most else text[: 2 * most] + text[-2 * most :]
