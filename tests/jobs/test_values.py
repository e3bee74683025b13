"""Limits and `unique` count by what parameters mean, however they are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr

from sooner.jobs import Limit, job
from sooner.jobs.declaring.placement import placement
from tests.support.declaring import own_broker

if TYPE_CHECKING:
    from collections.abc import Callable

    from sooner.jobs.declaring.declare import JobActor


class Site(BaseModel):
    """A part of the parameters."""

    host: str
    ports: set[int] = {80}


@dataclass
class Size:
    """Another one."""

    width: int = 1


def counted(function: Callable[..., Any], **options: Any) -> JobActor:
    """An actor of a function."""
    with own_broker():
        actor: JobActor = job(**options)(function)
        return actor


def of_defaults(a: str = "x", b: int = 5) -> None: ...
def of_a_number(a: int | None) -> None: ...
def of_a_set(a: set[str]) -> None: ...
def of_a_model(a: Site) -> None: ...
def of_a_dataclass(a: Size) -> None: ...
def of_an_alias(a: Annotated[int, Field(alias="A")] = 1) -> None: ...
def of_a_time(a: datetime) -> None: ...
def of_an_id(a: UUID) -> None: ...
def of_an_amount(a: Decimal) -> None: ...
def of_anything(a: Any) -> None: ...


ALIKE = [
    (of_defaults, {}, {"a": "x"}),
    (of_defaults, {"a": "x", "b": "5"}, {"b": 5}),
    (of_a_number, {"a": 5}, {"a": "5"}),
    (of_a_set, {"a": [str(n) for n in range(50)]}, {"a": [str(n) for n in reversed(range(50))]}),
    (of_a_model, {"a": {"host": "h"}}, {"a": {"ports": ["80"], "host": "h"}}),
    (of_a_dataclass, {"a": {}}, {"a": {"width": "1"}}),
    (of_an_alias, {}, {"A": "1"}),
    (of_a_time, {"a": "2030-01-01T12:00:00Z"}, {"a": "2030-01-01T13:00:00+01:00"}),
    (of_an_id, {"a": "0" * 31 + "A"}, {"a": "00000000-0000-0000-0000-00000000000a"}),
    (of_an_amount, {"a": 5}, {"a": "5.00"}),
    (of_anything, {"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}),
]


@pytest.mark.parametrize(("function", "one", "other"), ALIKE)
def test_what_means_the_same_has_one_key(
    function: Callable[..., Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    actor = counted(function, unique=True, concurrency=Limit(1, per="a"))
    values = [actor.check(params) for params in (one, other)]

    assert len({actor.limit("acme", each) for each in values}) == 1
    assert len({actor.unique_key("acme", each) for each in values}) == 1


@pytest.mark.parametrize(
    ("function", "one", "other"),
    [
        (of_defaults, {}, {"a": "y"}),
        (of_a_number, {"a": None}, {"a": 0}),
        (of_anything, {"a": 5}, {"a": "5"}),
    ],
)
def test_what_differs_has_two_keys(
    function: Callable[..., Any], one: dict[str, Any], other: dict[str, Any]
) -> None:
    actor = counted(function, unique=True, concurrency=Limit(1, per="a"))
    values = [actor.check(params) for params in (one, other)]

    assert len({actor.limit("acme", each) for each in values}) == 2
    assert len({actor.unique_key("acme", each) for each in values}) == 2


def test_unique_counts_tenants_and_the_named_parameters() -> None:
    actor = counted(of_defaults, unique=("a",))
    values = [actor.check(params) for params in ({"b": 1}, {"b": 2})]

    assert len({actor.unique_key("acme", each) for each in values}) == 1
    assert len({actor.unique_key(tenant, values[0]) for tenant in ("acme", "other", None)}) == 3


def test_a_secret_is_in_no_key_in_clear() -> None:
    def use(user: str, token: SecretStr) -> None: ...

    actor = counted(use, unique=("user",), concurrency=Limit(1, per="token"))
    one, other = (actor.check({"user": "ada", "token": token}) for token in ("hunter1", "hunter2"))
    limit = actor.limit("acme", one)

    assert limit is not None
    assert "hunter" not in limit.key
    assert actor.unique_key("acme", one) == actor.unique_key("acme", other)


@pytest.mark.parametrize("unique", [True, ("tokens",), ("user", "tokens")])
def test_unique_counts_by_no_secret(unique: bool | tuple[str, ...]) -> None:
    def use(user: str, tokens: list[SecretStr]) -> None: ...
    def hide(token: SecretStr) -> None: ...

    with pytest.raises(
        ValueError, match=r"use: unique cannot count by secrets, here tokens: unique=\('user',\)"
    ):
        counted(use, unique=unique)
    with pytest.raises(
        ValueError, match=r"hide: unique cannot count by secrets, here token: leave unique out"
    ):
        counted(hide, unique=True)


def test_a_message_counts_as_a_request_does() -> None:
    actor = counted(of_defaults, unique=True, concurrency=Limit(1, per="a"))
    values = actor.check({"a": "y"})
    sent = placement(actor, ("y",), {"b": "5"})

    assert (sent.limit, sent.unique_key) == (actor.limit(None, values), actor.unique_key(None, values))
    assert placement(actor, ("y",), {"b": "no number"}).limit == sent.limit


def test_a_check_that_fails_spoils_no_place() -> None:
    def fail(**params: Any) -> None:
        raise ZeroDivisionError

    actor = counted(of_defaults, concurrency=Limit(1, per="a"), check=fail)
    limit = placement(actor, (), {"a": "y"}).limit

    assert limit is not None
    assert limit.key.endswith('a="y"')


@pytest.mark.parametrize("options", [{"unique": ("sit",)}, {"concurrency": Limit(1, per="sit")}])
def test_what_is_no_parameter_is_nothing_to_count_by(options: dict[str, Any]) -> None:
    def crawl(site: str) -> None: ...
    def take(**site: str) -> None: ...

    with pytest.raises(
        ValueError, match=r"crawl: there is no parameter 'sit' to count by: its parameters are site"
    ):
        counted(crawl, **options)
    counted(take, **options)
