"""Read settings or stop: every offender named at once, before anything is touched."""

import os
import sys
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """The settings of one process, from its environment.

    Raises SystemExit(78) after one line a missing or wrong variable on standard error.
    The line never repeats the value: it may be a secret.
    """
    try:
        return settings()
    except ValidationError as error:
        for line in offenders(error):
            print(line, file=sys.stderr, flush=True)
        raise SystemExit(os.EX_CONFIG) from None


def read(settings: type[S]) -> S:
    """The same for code within any program. Raises RuntimeError, which names every missing or wrong variable."""
    try:
        return settings()
    except ValidationError as error:
        raise RuntimeError(f"the environment: {'; '.join(offenders(error))}") from None


def offenders(error: ValidationError) -> list[str]:
    """One line an offending variable: its name and what is wrong with it."""
    return [
        f"{_variable(detail['loc'])}: {_reason(detail['type'], detail['msg'])}" for detail in error.errors()
    ]


def _variable(location: tuple[int | str, ...]) -> str:
    return str(location[0]).upper() if location else "environment"


def _reason(kind: str, message: str) -> str:
    return "missing" if kind == "missing" else message.removeprefix("Value error, ")
