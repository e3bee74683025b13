"""A result is written as the JSON Schema of its declared type says, or it is an error of its job."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar, cast
from uuid import UUID

import jsonschema_rs
import pytest
from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    computed_field,
)
from typing_extensions import TypeAliasType, TypedDict

from sooner import job
from sooner.jobs import codec
from sooner.jobs.declaring.result import Result
from sooner.jobs.failure import Failure
from tests.support.declaring import own_broker

T = TypeVar("T")
NOW = datetime(2030, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)


class Colour(enum.Enum):
    RED = "red"


class Told(TypedDict):
    total: Decimal
    by: dict[str, set[int]]


class Point(NamedTuple):
    x: int
    y: Decimal


@dataclasses.dataclass
class Span:
    took: timedelta
    tags: frozenset[str] = frozenset()


class Report(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user_id: int = Field(alias="userId")
    price: Annotated[Decimal, Field(serialization_alias="thePrice")] = Decimal("1.10")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.user_id


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: Page[T] | None = None


CASES: list[tuple[Any, Any, Any]] = [
    (Decimal, Decimal("1.10"), "1.10"),
    (set[int], {1}, [1]),
    (frozenset[str], frozenset({"a"}), ["a"]),
    (tuple[int, ...], (1, 2), [1, 2]),
    (timedelta, timedelta(seconds=90), "PT1M30S"),
    (bytes, "é".encode(), "é"),
    (Base64Bytes, b"\xff\x00", "/wA="),
    (datetime, NOW, "2030-01-31T12:00:00.250000Z"),
    (date, NOW.date(), "2030-01-31"),
    (time, time(12, 30), "12:30:00"),
    (UUID, UUID(int=1), str(UUID(int=1))),
    (Colour, Colour.RED, "red"),
    (Colour, "red", "red"),
    (Literal["a", 1], 1, 1),
    (Told, {"total": Decimal("2.50"), "by": {"a": {1}}}, {"total": "2.50", "by": {"a": [1]}}),
    (Point, Point(1, Decimal("1.5")), [1, "1.5"]),
    (Span, Span(timedelta(1), frozenset({"x"})), {"took": "P1D", "tags": ["x"]}),
    (Span, {"took": 1}, {"took": "PT1S", "tags": []}),
    (Report, Report(userId=1), {"userId": 1, "thePrice": "1.10", "double": 2}),
    (Report, {"user_id": 1, "price": 2}, {"userId": 1, "thePrice": "2", "double": 2}),
    (Report, {"userId": 1}, {"userId": 1, "thePrice": "1.10", "double": 2}),
    (Page[Decimal], Page[Decimal](items=[Decimal(1)]), {"items": ["1"], "next": None}),
    (
        dict[Colour, list[Report]],
        {Colour.RED: [{"userId": 1}]},
        {"red": [{"userId": 1, "thePrice": "1.10", "double": 2}]},
    ),
    (Annotated[list[str], PlainSerializer(",".join, return_type=str)], ["a", "b"], "a,b"),
    (list[int], (1, 2), [1, 2]),
    (Sequence[int], [1], [1]),
    (Mapping[str, Decimal], {"a": Decimal(1)}, {"a": "1"}),
    (int, 2**70, 2**70),
    (dict[str, Any], {"n": 2**70, "at": NOW}, {"n": 2**70, "at": "2030-01-31T12:00:00.250000Z"}),
    (dict, {1: {2}}, {"1": [2]}),
    (
        Any,
        [Decimal("1.10"), Span(timedelta(1)), Report(userId=1), Point(1, Decimal(2)), b"x"],
        ["1.10", {"took": "P1D", "tags": []}, {"userId": 1, "thePrice": "1.10", "double": 2}, [1, "2"], "x"],
    ),
    (dict[str, Any] | None, None, None),
    (None, None, None),
    (float, 1, 1),
    (str, "NaN, Infinity and null", "NaN, Infinity and null"),
    (Any, {"a": "NaN", "b": None}, {"a": "NaN", "b": None}),
]


@pytest.mark.parametrize(("hint", "value", "written"), CASES, ids=lambda value: str(value)[:30])
def test_it_is_written_as_its_schema_says(hint: Any, value: Any, written: Any) -> None:
    result = Result(hint)
    text = result.text(value)

    assert json.loads(text) == written
    jsonschema_rs.validator_for(result.schema).validate(codec.loads(text))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def unhappy(value: int) -> int:
    raise ValueError("what the tenant is not to read")


async def forgotten() -> int:
    return 1


NOT_JSON: list[tuple[Any, Any]] = [
    (float, math.nan),
    (Any, {"a": [math.inf]}),
    (dict, {"a": math.nan, "b": None}),
    (dict[str, list[Any]], {"a": [-math.inf]}),
    (list[float], [1.0, math.nan]),
    (Decimal, Decimal("NaN")),
    (Any, [2**70, math.nan]),
    (Any, {1, math.nan}),
    (Any, nested(201)),
    (list, nested(5_000)),
    (list[Any] | None, nested(201)),
    (Any, object()),
    (Any, "\ud800"),
    (int, 10**400),
    (list[int], [10**400]),
    (Any, {"a": 10**400}),
    (bytes, b"\xff"),
]


@pytest.mark.parametrize(
    ("hint", "value"),
    NOT_JSON,
    ids=[f"{type(value).__name__}-{number}" for number, (_, value) in enumerate(NOT_JSON)],
)
def test_what_json_does_not_have_is_an_error(hint: Any, value: Any) -> None:
    with pytest.raises(Failure) as failure:
        Result(hint).text(value)

    assert failure.value.type == "result-not-json"


def test_two_hundred_levels_are_written() -> None:
    for hint in (Any, list, list[Any] | None):
        assert json.loads(Result(hint).text(nested(200))) == nested(200)


@pytest.mark.parametrize("hint", [Any, int, None])
def test_what_nobody_awaited_is_an_error_and_no_warning(hint: Any) -> None:
    with pytest.raises(Failure, match="declare it `async def`, or await it"):
        Result(hint).text(forgotten())


@pytest.mark.parametrize(
    ("hint", "value", "detail"),
    [
        (int, "many", "at #: Input should be a valid integer, unable to parse string as an integer."),
        (dict, [1], "at #: Input should be a valid dictionary."),
        (None, 1, "at #: Input should be None."),
        (Told, {"total": 1}, "at #/by: Field required."),
        (
            dict[str, list[int]],
            {"a/b": [1, "x"]},
            "at #/a~1b/1: Input should be a valid integer, unable to parse string",
        ),
        (Literal["a"], "b", "at #: Input should be 'a'."),
        (Annotated[int, Field(ge=0)], -1, "at #: Input should be greater than or equal to 0."),
        (Report, {"userId": "x"}, "at #/userId: Input should be a valid integer"),
        (
            Report,
            Report.model_construct(user_id=cast("int", "x")),
            "at #: It cannot be written as the declared type.",
        ),
        (
            dict[str, list[Report]],
            {"a": [Report.model_construct(user_id=cast("int", "x"))]},
            "at #: It cannot be written as the declared type.",
        ),
        (Annotated[int, AfterValidator(unhappy)], "1", "at #: It does not pass a check."),
    ],
)
def test_what_is_not_as_declared_is_an_error(hint: Any, value: Any, detail: str) -> None:
    with pytest.raises(Failure) as failure:
        Result(hint).text(value)

    assert failure.value.type == "result-not-as-declared"
    assert detail in str(failure.value)


@pytest.mark.parametrize(
    ("piece", "pieces", "result"),
    [
        (str, ["a", "b"], "ab"),
        (Any, ["a", "b"], "ab"),
        (Any, ["a", 1], 2),
        (str | None, ["a", "b"], "ab"),
        (str | None, ["a", None], 2),
        (str | int, [], ""),
        (Annotated[str, Field(max_length=1)], ["a", "b"], "ab"),
        (Literal["a", 1], ["a", "a"], "aa"),
        (NewType("Word", str), ["a", "b"], "ab"),
        (TypeAliasType("Name", str), ["a", "b"], "ab"),
        (enum.StrEnum("Kind", {"A": "a"}), ["a"], "a"),
        (int, [1, 2], 2),
        (dict[str, str], [{}], 1),
        (Report, [{}], 1),
    ],
    ids=range(14),
)
async def test_the_result_of_pieces_is_their_texts_or_their_number(
    piece: Any, pieces: list[Any], result: Any
) -> None:
    async def yields() -> AsyncIterator[Any]:
        for each in pieces:
            yield each

    yields.__annotations__["return"] = AsyncIterator[piece]
    with own_broker():
        actor = job(yields)

    assert json.loads(actor.result.text(await actor.run())) == result
