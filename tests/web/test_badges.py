"""GET /jobs/{id}/badge.svg: a value of a result as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from sooner.web.http.badge import GREY, svg

if TYPE_CHECKING:
    import httpx

SVG = "{http://www.w3.org/2000/svg}"
RESULT = {
    "tests": 16597,
    "share": 1234.5,
    "text": '<script>alert("&")</script>\u2028\x01\n\ufffe',
    "long": "x" * 5000,
    "no": False,
    "nothing": None,
    "list": ["a", "b", {"c": 3}],
    "object": {"a/b": {"m~n": "found"}, "": 7},
}


def texts(picture: str) -> list[str]:
    """The texts that a badge shows."""
    root = ET.fromstring(picture)  # noqa: S314 - our own
    assert root.get("aria-label") == root.findtext(f"{SVG}title")
    return [each.text or "" for each in root.iter(f"{SVG}text")]


async def look(client: httpx.AsyncClient, id: str, **query: str) -> httpx.Response:
    """The badge of a job."""
    return await client.get(f"/jobs/{id}/badge.svg", params=query)


@pytest.fixture
async def job(client: httpx.AsyncClient) -> dict[str, Any]:
    """A job that is done."""
    document: dict[str, Any] = (await client.post("/jobs/echo", json=RESULT)).json()
    assert document["state"] == "done", document
    return document


async def test_a_pointer_leads_to_the_value(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    shown = {
        pointer: texts((await look(client, job["id"], label="a & b", value=pointer)).text)[1]
        for pointer in (
            *("/tests", "/share", "/no", "/nothing", "/list", "/list/1", "/list/2/c"),
            *("/object/a~1b/m~0n", "/object/", "/object", "", "/absent", "/list/9", "/tests/0"),
        )
    }
    assert shown == {
        "/tests": "16,597",
        "/share": "1,234.5",
        "/no": "false",
        "/nothing": "null",
        "/list": "3",
        "/list/1": "b",
        "/list/2/c": "3",
        "/object/a~1b/m~0n": "found",
        "/object/": "7",
        **dict.fromkeys(("/object", "", "/absent", "/list/9", "/tests/0"), "no value"),
    }


async def test_strangers_texts_are_texts(client: httpx.AsyncClient, job: dict[str, Any]) -> None:
    answer = await look(client, job["id"], label='"><script>&', value="/text")
    long = await look(client, job["id"], value="/long")

    assert texts(answer.text) == ['"><script>&', '<script>alert("&")</script>\u2028   ']
    assert "<script" not in answer.text
    assert texts(long.text) == ["echo", f"{'x' * 99}…"]
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_signed_address_is_enough_and_good_for_one_job(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    other = (await client.post("/jobs/echo", json={})).json()
    access = job["urls"]["self"].partition("access=")[2]
    nobody = {"Authorization": ""}

    seen = await client.get(f"/jobs/{job['id']}/badge.svg?value=/tests&access={access}", headers=nobody)
    refused = [
        await client.get(address, headers=nobody)
        for address in (
            f"/jobs/{job['id']}/badge.svg",
            f"/jobs/{other['id']}/badge.svg?access={access}",
        )
    ]

    assert (seen.status_code, texts(seen.text)) == (200, ["echo", "16,597"])
    assert [answer.status_code for answer in refused] == [401, 401]


async def test_a_client_that_has_the_badge_gets_no_other(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    first = await look(client, job["id"], value="/tests")
    tag = {"If-None-Match": first.headers["ETag"]}
    again = await client.get(f"/jobs/{job['id']}/badge.svg?value=/tests", headers=tag)
    another = await client.get(f"/jobs/{job['id']}/badge.svg?value=/share", headers=tag)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "max-age=300"
    assert another.status_code == 200


async def test_without_a_result_the_state_is_shown_and_not_kept(
    client: httpx.AsyncClient, job: dict[str, Any]
) -> None:
    waiting = (await client.post("/jobs/echo?delay=60", json={})).json()["id"]
    failed = (await client.post("/jobs/fail", json={"message": "no luck"})).json()["id"]
    answers = [await look(client, id, label="tests", value="/tests") for id in (waiting, failed)]
    await client.post(f"/jobs/{waiting}/cancel")
    answers.append(await look(client, waiting, value="/tests"))
    done = await look(client, job["id"])

    assert [texts(answer.text)[1] for answer in [*answers, done]] == ["waiting", "error", "cancelled", "done"]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-cache"}


@pytest.mark.parametrize(
    ("query", "pointer", "detail"),
    [
        ({"value": "tests"}, "#/value", "a JSON pointer into the result is needed"),
        ({"value": "/a~2"}, "#/value", "a JSON pointer into the result is needed"),
        ({"value": "/\0"}, "#/value", "a JSON pointer into the result is needed"),
        ({"value": "/" + "a" * 1000}, "#/value", "at most 1000 characters"),
        ({"label": "a" * 101}, "#/label", "at most 100 characters"),
        ({"color": "red"}, "#/color", "known are label, value, access"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else next(iter(value)),
)
async def test_what_cannot_be_meant_is_refused(
    client: httpx.AsyncClient, job: dict[str, Any], query: dict[str, str], pointer: str, detail: str
) -> None:
    answer = await look(client, job["id"], **query)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (422, pointer)
    assert detail in error["detail"]


@pytest.mark.parametrize(
    ("label", "message", "shown"),
    [("", "b", ["b"]), ("a", "", ["a"]), ("", "", []), ("試験", "数", ["試験", "数"])],
    ids=["no-label", "no-message", "nothing", "wide"],
)
def test_a_badge_has_the_width_of_its_texts(label: str, message: str, shown: list[str]) -> None:
    picture = svg(label, message, GREY)
    root = ET.fromstring(picture)  # noqa: S314 - our own
    ends = [
        float(each.get("x", 0)) + float(each.get("textLength", 0)) + 6 for each in root.iter(f"{SVG}text")
    ]
    assert texts(picture) == shown
    assert max(ends, default=0) == float(root.get("width", -1))
