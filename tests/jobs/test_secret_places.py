"""Secrets anywhere in the types of an actor's parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
)
from typing_extensions import TypeAliasType, TypedDict

from sooner import job
from sooner.jobs.secrets.secret import MARK, put
from tests.support.declaring import own_broker

Token = TypeAliasType("Token", SecretStr)
Chain = TypeAliasType("Chain", "dict[str, Chain] | Token")
Password = NewType("Password", SecretStr)


class Account(BaseModel):
    user: str = ""
    password: SecretStr = Field(alias="passWord")


class Swapped(BaseModel):
    a: SecretStr = Field(alias="b")
    b: str = Field(alias="a")


class Either(BaseModel):
    token: SecretStr = Field(validation_alias=AliasChoices("new", "old"))  # type: ignore[pydantic-alias]


class Cat(BaseModel):
    kind: Literal["cat"]
    name: SecretStr


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, SecretStr]


class Further(BaseModel):
    model_config = ConfigDict(extra="allow")


class ByName(RootModel[dict[str, SecretStr]]):
    pass


@dataclasses.dataclass
class Login:
    user: str
    password: SecretStr


class Pair(NamedTuple):
    user: str
    password: SecretStr


class Header(TypedDict):
    name: str
    value: NotRequired[SecretStr]


class Tree(BaseModel):
    value: SecretStr | None = None
    branches: list[Tree] = []


def without_empty(values: list[str]) -> list[str]:
    return [value for value in values if value]


@pytest.mark.parametrize(
    ("kind", "given", "stored"),
    [
        (list[Account], [{"passWord": "s"}], [{"passWord": MARK}]),
        (Account | None, {"passWord": "s"}, {"passWord": MARK}),
        (
            dict[str, list[tuple[int, Account]]],
            {"a": [[1, {"passWord": "s"}]]},
            {"a": [[1, {"passWord": MARK}]]},
        ),
        (list[SecretStr] | None, ["s"], [MARK]),
        (list[list[SecretBytes]], [["s"]], [[MARK]]),
        (list[Login], [{"user": "u", "password": "s"}], [{"user": "u", "password": MARK}]),
        (Login | None, {"user": "u", "password": "s"}, {"user": "u", "password": MARK}),
        (list[Header], [{"name": "n", "value": "s"}], [{"name": "n", "value": MARK}]),
        (Pair, ["u", "s"], ["u", MARK]),
        (Pair | None, {"user": "u", "password": "s"}, MARK),
        (list[Annotated[SecretStr, Field(min_length=1)]], ["s"], [MARK]),
        (
            Annotated[Cat | Dog, Field(discriminator="kind")],
            {"kind": "cat", "name": "s"},
            {"kind": "cat", "name": MARK},
        ),
        (Token, "s", MARK),
        (list[Token], ["s"], [MARK]),
        (Chain, {"a": {"b": "s"}}, {"a": {"b": MARK}}),
        (Password, "s", MARK),
        (Secret[int] | None, 5, MARK),
        (Anything, {"s": "s"}, {"s": MARK}),
        (Tree, {"branches": [{"value": "s"}]}, {"branches": [{"value": MARK}]}),
        (Account, {"passWord": "s", "password": "s"}, {"passWord": MARK, "password": MARK}),
        (Swapped, {"a": "t", "b": "s"}, MARK),
        (Either, {"new": "s", "old": "s"}, {"new": MARK, "old": MARK}),
        (ByName, {"root": "s", "x": "s"}, {"root": MARK, "x": MARK}),
        (dict[int, SecretStr], {"1": "s", "01": "s"}, MARK),
        (Annotated[list[SecretStr], BeforeValidator(without_empty)], ["", "r", "s"], MARK),
        (Iterable[SecretStr], ["s"], MARK),
    ],
    ids=range(26),
)
def test_each_is_found_where_it_stands(kind: Any, given: Any, stored: Any) -> None:
    def takes_one(value: Any) -> None: ...

    takes_one.__annotations__["value"] = kind
    with own_broker():
        actor = job(takes_one)
    params = {"value": given}

    sealed = params
    for path in actor.secret_paths(params, actor.check(params)):
        sealed = put(sealed, path, MARK)

    assert sealed == {"value": stored}
    assert actor.notable["secrets"] == ["value"]


def test_further_parameters_have_the_type_of_the_signature() -> None:
    def takes_many(user: str, **tokens: SecretStr) -> None: ...

    with own_broker():
        actor = job(takes_many)
    params = {"user": "u", "a": "s"}

    assert actor.secret_paths(params, actor.check(params)) == [("a",)]
    assert actor.arguments(params)["a"] == SecretStr("s")


@pytest.mark.parametrize("kind", [dict[str, Any], list[Dog], Further, Literal["a"], Tree | None, int | None])
def test_where_there_can_be_none_nothing_is_sealed(kind: Any) -> None:
    def takes_none(value: Any = None) -> None: ...

    takes_none.__annotations__["value"] = kind
    with own_broker():
        actor = job(takes_none)

    assert actor.takes_secrets == (kind == Tree | None)
