"""Uploads anywhere in the types of an actor's parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from pydantic import BaseModel, BeforeValidator, Field
from typing_extensions import TypedDict

from sooner import Upload, job
from sooner.jobs.files.uploads import IsUpload
from tests.conftest import Connect, MakeKey
from tests.support.processes import Processes

A, B, C = (str(UUID(int=number)) for number in (1, 2, 3))


class Picture(TypedDict):
    file: Upload
    caption: str


@dataclasses.dataclass
class Film:
    reels: tuple[Upload, ...]


class Album(BaseModel):
    cover: Upload | None = None
    pictures: dict[str, Picture] = Field(default={}, alias="thePictures")
    film: Film | None = None


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Actors are declared on a broker that goes with the test."""
    monkeypatch.setattr(dramatiq.broker, "global_broker", StubBroker())  # type: ignore[no-untyped-call]


def split(value: Any) -> Any:
    return value.split(",")


async def plain(a: Upload, b: Upload | None = None, c: UUID | None = None) -> None: ...


async def many(a: list[Upload], b: set[Upload] = set(), c: dict[Upload, str] = {}) -> None: ...  # noqa: B006


async def deep(album: Album, more: Sequence[Album] = ()) -> None: ...


async def read_otherwise(a: Annotated[list[Upload], BeforeValidator(split)]) -> None: ...


@pytest.mark.parametrize(
    ("function", "params", "found"),
    [
        (plain, {"a": A}, {"#/a": {A}}),
        (plain, {"a": A, "b": B, "c": C}, {"#/a": {A}, "#/b": {B}}),
        (plain, {"a": A.upper().replace("-", ""), "b": None}, {"#/a": {A}}),
        (many, {"a": [A, B]}, {"#/a/0": {A}, "#/a/1": {B}}),
        (many, {"a": [], "b": [A, B], "c": {C: "x"}}, {"#/b": {A, B}, "#/c": {C}}),
        (deep, {"album": {"cover": A}}, {"#/album/cover": {A}}),
        (
            deep,
            {
                "album": {"thePictures": {"a/b": {"file": A, "caption": B}}},
                "more": [{}, {"film": {"reels": [C]}}],
            },
            {"#/album/thePictures/a~1b/file": {A}, "#/more/1/film/reels/0": {C}},
        ),
        (read_otherwise, {"a": f"{A},{B}"}, {"#/a": {A, B}}),
    ],
)
def test_each_is_found_where_it_stands(
    function: Any, params: dict[str, Any], found: dict[str, set[str]]
) -> None:
    actor = job(function)

    told = actor.uploads(params, actor.check(params))
    assert {pointer: set(map(str, ids)) for pointer, ids in told} == found


def test_where_there_can_be_none_nothing_is_looked_for() -> None:
    async def none(a: UUID, b: dict[str, Any]) -> None: ...

    actor = job(none)
    assert not actor.takes_uploads
    assert actor.uploads({"a": A, "b": {"x-upload": True}}, actor.check({"a": A, "b": {}})) == []


def test_the_mark_stands_at_a_uuid() -> None:
    async def wrong(a: Annotated[list[UUID], IsUpload()]) -> None: ...

    with pytest.raises(TypeError, match=r"parameter a has a type .*IsUpload marks a UUID: write Upload, "):
        job(wrong)


async def test_unknown_ones_are_refused_with_where_they_stand(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module="tests.support.sayings")
    client, other = connect(web, await api_key()), connect(web, await api_key("globex"))
    await processes.worker(module="tests.support.sayings")
    ours, theirs = [(await each.post("/uploads", content=b"x")).json()["id"] for each in (client, other)]

    refused = await client.post(
        "/jobs/weigh", json={"first": theirs, "others": [{"file": ours}, {"file": A}]}
    )
    done = await client.post(
        "/jobs/weigh", json={"first": ours, "others": [{"file": ours}]}, headers={"Prefer": "wait=20"}
    )

    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"pointer": pointer, "detail": "there is no such upload"}
        for pointer in ("#/first", "#/others/1/file")
    ]
    assert done.json()["result"] == [ours, ours]
    listed = (await client.get("/actors")).json()["items"]
    [schema] = [item["parameters"] for item in listed if item["name"] == "weigh"]
    assert schema["properties"]["first"]["anyOf"][0]["x-upload"] is True
