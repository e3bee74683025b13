"""Reading settings: a process with wrong settings names all of them and stops before it does anything."""

import os
import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """The settings of one process, from its environment.

    Raises SystemExit(78) after a line on standard error for each missing or wrong variable.
    The line never repeats the value: it may be a secret.
    """
    try:
        return settings()
    except ValidationError as error:
        for line in offenders(error):
            print(line, file=sys.stderr, flush=True)
        raise SystemExit(os.EX_CONFIG) from None


def read(settings: type[S]) -> S:
    """The settings for code inside another program. Raises RuntimeError, which names every missing or wrong variable."""
    try:
        return settings()
    except ValidationError as error:
        raise RuntimeError(f"the environment: {'; '.join(offenders(error))}") from None


def offenders(error: ValidationError) -> list[str]:
    """A line for each wrong variable, with its name and its error."""
    return [
        f"{_variable(detail['loc'])}: {_reason(detail['type'], detail['msg'])}" for detail in error.errors()
    ]


def _variable(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else "environment"


def _reason(kind: str, message: str) -> str:
    return "missing" if kind == "missing" else message.removeprefix("Value error, ")
