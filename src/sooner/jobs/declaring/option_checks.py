"""The options of a declaration, checked; each refusal says what to write instead."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Literal, get_args

from tenacity.wait import wait_base

from sooner.jobs.declaring.limit import Limit, Rate
from sooner.jobs.declaring.numbers import is_count, is_seconds
from sooner.jobs.states import PRIORITIES

OnDisconnect = Literal["continue", "cancel", "cancel-if-waiting"]


def _is_names(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(isinstance(name, str) for name in value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


#: Whether each option fits, and the sentence about one that does not.
CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "priority": (lambda value: value in PRIORITIES, "priority is 'high', 'normal' or 'low', not {!r}"),
    "retries": (
        lambda value: is_count(value, 0),
        "retries is how many attempts follow a failed one, a whole number from 0 on, not {!r}",
    ),
    "wait": (
        lambda value: isinstance(value, wait_base),
        "wait is a strategy of tenacity's, such as tenacity.wait_fixed(5), not {!r}",
    ),
    "time_limit": (
        lambda value: value is None or is_seconds(value),
        "time_limit is a number of seconds above 0, and up to a hundred years, or None where there is no limit, not {!r}",
    ),
    "on_disconnect": (
        lambda value: value in get_args(OnDisconnect),
        "on_disconnect is 'continue', 'cancel' or 'cancel-if-waiting', not {!r}",
    ),
    "concurrency": (
        lambda value: value is None or isinstance(value, Limit),
        "concurrency is a Limit, such as Limit(3), not {!r}",
    ),
    "rate": (
        lambda value: value is None or isinstance(value, Rate),
        "rate is a Rate, such as Rate(10, seconds=60), not {!r}",
    ),
    "unique": (
        lambda value: _is_flag(value) or _is_names(value),
        "unique is True, or a tuple of parameters' names, such as ('name',), not {!r}",
    ),
    "check": (
        lambda value: value is None or callable(value),
        "check is a function that takes the actor's parameters, not {!r}",
    ),
    "diagnostic": (_is_flag, "diagnostic is True or False, not {!r}"),
    "internal": (_is_flag, "internal is True or False, not {!r}"),
}
NAMES = (*CHECKS, "queue")


def refuse_unfit(options: Mapping[str, Any]) -> None:
    """Raises ValueError for an option's unfit value, TypeError for an option that there is not."""
    for name, value in options.items():
        if name not in NAMES:
            raise TypeError(f"job has no option {name}: {_instead(name)}")
        if name in CHECKS and not CHECKS[name][0](value):
            raise ValueError(CHECKS[name][1].format(value))


def _instead(name: str) -> str:
    near = get_close_matches(name, NAMES, 1)
    return f"write {near[0]}" if near else f"there are {', '.join(NAMES)}"
