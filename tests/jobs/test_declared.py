"""Declarations that cannot hold are refused where they are made, with what to write instead."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NoReturn, TypedDict, Unpack

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from pydantic import Field
from tenacity import wait_fixed

from sooner.jobs import job
from sooner.jobs.declaring.declare import LONGEST_PAUSE
from sooner.jobs.declaring.limit import Limit, Rate

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


def final(a: int = 1) -> None: ...


def of_the_model(a: int = 1) -> None: ...


# As it is where a module's annotations are no texts: Python refuses both in a text.
final.__annotations__["a"] = Final[int]
of_the_model.__annotations__["a"] = ClassVar[int]


class Members(TypedDict, total=False):
    a: int


def of_members(**more: Unpack[Members]) -> None: ...


def opaque_more(**more: Opaque) -> None: ...


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


def default_without_json(a: float = math.nan) -> None: ...


class Called:
    def __call__(self) -> None: ...

    async def method(self, a: int) -> None: ...

    def of_the_class(cls, a: int) -> None: ...  # noqa: N805 - a decorator above @job would make it a class method


def with_a_slash() -> None: ...


def with_dots() -> None: ...


with_a_slash.__name__ = "images/resize"
with_dots.__name__ = ".."

METHOD = "would be a parameter that clients send: an actor is a function of a module, so take it out of the class Called"


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
        (
            final,
            "final: parameter a would be hidden by its type, typing.Final[int]: take Final or ClassVar out",
        ),
        (of_the_model, "of_the_model: parameter a would be hidden by its type, typing.ClassVar[int]: "),
        (fields, "fields: parameter model_fields would hide "),
        (
            shadowing,
            "shadowing: parameter copy would hide what pydantic's models have under that name: call it copy_ or",
        ),
        (
            many,
            "many: what `*args` takes has no names, which a JSON object needs: write `args: list[…]` instead",
        ),
        (
            of_members,
            (
                "of_members: the members of `**more` would not be read as their types say: write each as a parameter of its own, or "
                "`more: Members` without the `**`"
            ),
        ),
        (opaque_more, "opaque_more: parameter **more has a type that no JSON value is read as, Opaque: take"),
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
        (default_without_json, "parameter a has the default nan, which JSON does not have: take None"),
        (lambda: None, "an actor is a function with a name: write a `def`"),
        (Called(), "is a function with a name: write a `def`"),
        (Called, "Called: an actor is a function with a name"),
        (functools.partial(many), "is a function with a name"),
        (Called.method, f"Called.method: self {METHOD}"),
        (Called.of_the_class, f"Called.of_the_class: cls {METHOD}"),
        (
            with_a_slash,
            "with_a_slash: no address leads to an actor named 'images/resize': write images_resize",
        ),
        (with_dots, "with_dots: no address leads to an actor named '..': write actor"),
    ],
    ids=lambda value: getattr(value, "__name__", "…"),
)
def test_what_cannot_hold_is_refused(function: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(TypeError) as refusal:
        job(function)

    assert sentence in str(refusal.value)


def test_a_check_without_a_signature_is_taken() -> None:
    def takes_a_text(text: str) -> None: ...

    check: Any = dict
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(check)

    job(check=check)(takes_a_text)


def named(name: str) -> None: ...


def checks_another(nme: str) -> None: ...


async def checks_later(name: str) -> None: ...


COUNT = "takes a whole number of jobs from 1 on, such as "


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"priority": "urgent"}, "priority is 'high', 'normal' or 'low', not 'urgent'"),
        ({"queu": "mail"}, "job has no option queu: write queue"),
        ({"purpose": "mail"}, "job has no option purpose: there are priority, retries, wait, "),
        (
            {"retries": -1},
            "retries is how many attempts follow a failed one, a whole number from 0 on, not -1",
        ),
        ({"retries": "3"}, "a whole number from 0 on, not '3'"),
        ({"retries": True}, "a whole number from 0 on, not True"),
        ({"wait": 5}, "wait is a strategy of tenacity's, such as tenacity.wait_fixed(5), not 5"),
        (
            {"time_limit": 0},
            "time_limit is a number of seconds above 0, and up to a hundred years, or None where there is no limit, not 0",
        ),
        ({"time_limit": math.nan}, "time_limit is a number of seconds above 0"),
        ({"time_limit": 10**400}, "time_limit is a number of seconds above 0"),
        ({"time_limit": "5"}, "time_limit is a number of seconds above 0"),
        (
            {"on_disconnect": "stop"},
            "on_disconnect is 'continue', 'cancel' or 'cancel-if-waiting', not 'stop'",
        ),
        ({"concurrency": 3}, "concurrency is a Limit, such as Limit(3), not 3"),
        ({"concurrency": Rate(3)}, "concurrency is a Limit, such as Limit(3), not Rate(jobs=3, seconds=1.0)"),
        (
            {"concurrency": Limit(1, per="nme")},
            "there is no parameter 'nme' to count by: its parameters are name",
        ),
        ({"rate": 3}, "rate is a Rate, such as Rate(10, seconds=60), not 3"),
        (
            {"unique": "name"},
            "unique is True, or a tuple of parameters' names, such as ('name',), not 'name'",
        ),
        ({"unique": ()}, "unique is True, or a tuple"),
        ({"unique": ("nme",)}, "there is no parameter 'nme' to count by: its parameters are name"),
        ({"check": 3}, "check is a function that takes the actor's parameters, not 3"),
        ({"check": checks_another}, "its check checks_another cannot be called with its parameters ("),
        ({"check": checks_later}, "nobody would await its check checks_later: make that a `def`"),
        ({"internal": 1}, "internal is True or False, not 1"),
        ({"diagnostic": "no"}, "diagnostic is True or False, not 'no'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "…",
)
def test_an_option_that_cannot_hold_is_refused(options: Any, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError)) as refusal:
        job(**options)(named)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Limit(0), f"Limit {COUNT}Limit(3), not 0"),
        (lambda: Limit(1.5), f"Limit {COUNT}Limit(3), not 1.5"),  # type: ignore[arg-type]
        (lambda: Limit(10**12), f"Limit {COUNT}Limit(3), not 1000000000000"),
        (lambda: Limit(1, per=3), "Limit counts per 'tenant', or per a parameter's name, not 3"),  # type: ignore[arg-type]
        (lambda: Rate(0), f"Rate {COUNT}Rate(10), not 0"),
        (lambda: Rate("x"), f"Rate {COUNT}Rate(10), not 'x'"),  # type: ignore[arg-type]
        (
            lambda: Rate(1, seconds=0),
            "Rate takes a number of seconds above 0, and up to a hundred years, such as Rate(10, seconds=60), not 0",
        ),
        (lambda: Rate(1, seconds=math.inf), "Rate takes a number of seconds above 0"),
        (lambda: Rate(1, seconds=1e300), "Rate takes a number of seconds above 0, and up to a hundred years"),
        (lambda: Rate(1, seconds=10**400), "Rate takes a number of seconds above 0"),
    ],
    ids=range(10),
)
def test_a_limit_that_cannot_hold_is_refused(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - its whole sentence is compared
        make()

    assert str(refusal.value).startswith(sentence)


def test_two_actors_of_one_name_are_refused() -> None:
    job(named)
    with pytest.raises(
        TypeError, match=f"module {__name__} declares an actor named, too: give one of the two"
    ):
        job(named)


def never() -> NoReturn:
    raise ValueError


def alike(model_name: str, self: int = 1, cls: int = 2) -> None: ...


class Holder:
    @staticmethod
    def of_no_instance(name: str, self: int = 1) -> None: ...

    def bound(self, name: str) -> None: ...


@pytest.mark.parametrize("function", [never, alike, Holder.of_no_instance, Holder().bound])
def test_what_can_hold_is_taken(function: Callable[..., Any]) -> None:
    actor = job(function)

    assert actor.actor_name == function.__name__


@pytest.mark.parametrize(("told", "pause"), [(math.inf, LONGEST_PAUSE), (math.nan, 0), (-1, 0), (0.5, 0.5)])
def test_a_pause_between_attempts_is_one_that_can_be_waited_for(told: float, pause: float) -> None:
    assert job(retries=1, wait=wait_fixed(told))(alike).pause(1) == pause
