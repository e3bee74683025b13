"""Declarations that cannot hold are refused where they are made, with what to write instead."""

from __future__ import annotations

import functools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from pydantic import Field
from tenacity import wait_fixed

from sooner.jobs import job
from sooner.jobs.declaring.declare import LONGEST_PAUSE

if TYPE_CHECKING:
    from elsewhere import Unknown  # type: ignore[import-not-found]


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors are declared on a broker that goes with the test."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", StubBroker())  # type: ignore[no-untyped-call]


class Opaque:
    """Has no JSON Schema."""


def hide(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def hidden(*args: Any, **params: Any) -> Any:
        return fn(*args, **params)

    return hidden


def opaque_result() -> Opaque:
    return Opaque()


def opaque_results() -> dict[str, list[Opaque]]:
    return {}


def opaque_parameter(a: int, b: list[Opaque]) -> None: ...


def called_parameter(a: Callable[[], int]) -> None: ...


def surrogate(a: Annotated[int, Field(description="\ud800")]) -> None: ...


def hidden_parameter(_a: int) -> None: ...


def configuring(model_config: int) -> None: ...


def extra(model_extra: int) -> None: ...


def fields(model_fields: int) -> None: ...


def shadowing(copy: int) -> None: ...


def many(*args: int) -> None: ...


def nameless(a: int, /) -> None: ...


def imported(a: Unknown) -> None: ...


def given_back() -> Unknown:
    return None


def generating() -> Iterator[int]:
    yield 1


@hide
async def generating_unseen() -> AsyncIterator[int]:
    yield 1


@hide
async def wrapped(a: int) -> int:
    return a


class Called:
    def __call__(self) -> None: ...


OPAQUE = (
    "opaque_result: its result type Opaque has no JSON Schema: give back a pydantic model, a dataclass, a TypedDict "
    "or what JSON has, or leave the type out (Unable to generate pydantic-core schema for "
)
WRAPPED = (
    "wrapped: a decorator's plain `def` hides that it is an `async def`, and nobody would await it: make the "
    "decorator's function an `async def` that awaits the one it wraps"
)


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            opaque_result,
            OPAQUE,
        ),
        (opaque_results, "opaque_results: its result type dict[str, list["),
        (
            opaque_parameter,
            "opaque_parameter: parameter b has a type that no JSON value is read as, list[",
        ),
        (called_parameter, "called_parameter: parameter a has a type that no JSON value is read as, "),
        (surrogate, "surrogate: parameter a has a type"),
        (
            hidden_parameter,
            "hidden_parameter: parameter _a would be hidden, as its name begins with `_`: call it a",
        ),
        (
            configuring,
            "configuring: parameter model_config would hide what pydantic's models have under that name: call it",
        ),
        (extra, "extra: parameter model_extra would hide "),
        (fields, "fields: parameter model_fields would hide "),
        (
            shadowing,
            "shadowing: parameter copy would hide what pydantic's models have under that name: call it copy_ or",
        ),
        (
            many,
            "many: what `*args` takes has no names, which a JSON object needs: write `args: list[…]` instead",
        ),
        (nameless, "nameless: parameter a has no name for a JSON object: take the `/` behind it out"),
        (
            imported,
            "imported: a type names Unknown, which is not there when the module is loaded: import or define it",
        ),
        (given_back, "given_back: a type names Unknown, which is not there"),
        (
            generating,
            "generating: a `def` with `yield` puts nothing out: make it an `async def`, or call `emit(…)` for each piece (from sooner import emit)",
        ),
        (
            generating_unseen,
            "generating_unseen: a decorator's function hides that it yields: make that an `async def` that yields",
        ),
        (
            wrapped,
            WRAPPED,
        ),
        (Called(), "is a function with a name: write a `def`"),
        (Called, "Called: an actor is a function with a name"),
        (functools.partial(many), "is a function with a name"),
    ],
    ids=lambda value: getattr(value, "__name__", "…"),
)
def test_what_cannot_hold_is_refused(function: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(TypeError) as refusal:
        job(function)

    assert sentence in str(refusal.value)


def never() -> NoReturn:
    raise ValueError


def alike(model_name: str, self: int = 1, cls: int = 2) -> None: ...


@pytest.mark.parametrize("function", [never, alike])
def test_what_can_hold_is_taken(function: Callable[..., Any]) -> None:
    actor = job(function)

    assert actor.actor_name == function.__name__


@pytest.mark.parametrize(("told", "pause"), [(math.inf, LONGEST_PAUSE), (math.nan, 0), (-1, 0), (0.5, 0.5)])
def test_a_pause_between_attempts_is_one_that_can_be_waited_for(told: float, pause: float) -> None:
    assert job(retries=1, wait=wait_fixed(told))(alike).pause(1) == pause
