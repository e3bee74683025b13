"""GET /jobs/{id}/result: JSON, files and parts of them, failures."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from sooner.web.http import ranges
from sooner.web.http.representation import attachment

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey, Service


async def make_archive(client: httpx.AsyncClient) -> str:
    """The address of a result that is a file of several pieces."""
    noise = hashlib.shake_256(b"noise").hexdigest(400_000)
    assert (await client.post("/jobs/echo", json={"noise": noise})).status_code == 200
    answer = await client.post("/jobs/export_archive", json={}, headers={"Prefer": "wait=20"})
    assert answer.json()["state"] == "done", answer.text
    return f"/jobs/{answer.json()['id']}/result"


async def test_the_bare_result_is_the_actors_json(client: httpx.AsyncClient) -> None:
    job = (await client.post("/jobs/echo", json={"a": [1, None, "é"]})).json()

    answer = await client.get(f"/jobs/{job['id']}/result")
    by_address = await client.get(job["urls"]["result"], headers={"Authorization": ""})
    again = await client.get(job["urls"]["result"], headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == by_address.json() == {"a": [1, None, "é"]}
    assert again.status_code == 304
    assert again.content == b""


async def test_a_result_that_looks_like_a_file_but_is_none_is_json(client: httpx.AsyncClient) -> None:
    theirs = await make_archive(client)
    file = (await client.get(theirs.removesuffix("/result"))).json()["result"]

    job = (await client.post("/jobs/echo", json=file)).json()

    assert (await client.get(f"/jobs/{job['id']}/result")).json() == file


async def test_there_is_no_result_before_the_end_nor_after_a_cancel(client: httpx.AsyncClient) -> None:
    id = (await client.post("/jobs/echo?delay=60", json={})).json()["id"]
    early = await client.get(f"/jobs/{id}/result")
    await client.post(f"/jobs/{id}/cancel")
    late = await client.get(f"/jobs/{id}/result")

    assert (early.status_code, early.json()["detail"]) == (409, "The job is waiting: there is no result yet.")
    assert (late.status_code, late.json()["detail"]) == (409, "The job was cancelled: there is no result.")


async def test_a_failed_jobs_error_is_a_problem_resolved_or_not(client: httpx.AsyncClient) -> None:
    id = (await client.post("/jobs/fail", json={"message": "no luck"})).json()["id"]

    failed = await client.get(f"/jobs/{id}/result")
    await client.post(f"/jobs/{id}/resolve")
    resolved = await client.get(f"/jobs/{id}/result")

    assert failed.status_code == 502
    assert failed.headers["Content-Type"] == "application/problem+json"
    assert failed.json() == {
        "type": "failed-on-request",
        "title": "It was asked to fail",
        "status": 502,
        "detail": "no luck",
    }
    assert (resolved.status_code, resolved.json()) == (502, failed.json())


async def test_a_file_comes_whole_and_in_parts(client: httpx.AsyncClient) -> None:
    address = await make_archive(client)
    reference = (await client.get(address.removesuffix("/result"))).json()["result"]["file"]

    whole = await client.get(address)
    head = await client.head(address)
    size = len(whole.content)
    parts = {
        field: await client.get(address, headers={"Range": field})
        for field in (
            "bytes=0-0",
            "bytes=262143-262144",
            "bytes=-1000",
            f"bytes={size - 10}-",
            "bytes=5-999999999",
        )
    }
    outside = await client.get(address, headers={"Range": f"bytes={size}-"})
    several = await client.get(address, headers={"Range": "bytes=0-1,5-6"})
    stale = await client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    fresh = await client.get(address, headers={"Range": "bytes=0-1", "If-Range": whole.headers["ETag"]})
    known = await client.get(address, headers={"Range": "bytes=0-1", "If-None-Match": whole.headers["ETag"]})

    assert size > 256 * 1024 + 10
    assert reference["bytes"] == size
    assert reference["sha256"] == hashlib.sha256(whole.content).hexdigest()
    assert whole.headers["Content-Type"] == reference["type"] == "application/zip"
    assert whole.headers["Content-Disposition"] == (
        f"attachment; filename=\"{reference['name']}\"; filename*=UTF-8''{reference['name']}"
    )
    assert head.content == b""
    same = ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition")
    assert {name: head.headers[name] for name in same} == {name: whole.headers[name] for name in same}
    assert {answer.status_code for answer in parts.values()} == {206}
    assert [answer.content for answer in parts.values()] == [
        whole.content[:1],
        whole.content[262143:262145],
        whole.content[-1000:],
        whole.content[-10:],
        whole.content[5:],
    ]
    assert parts["bytes=-1000"].headers["Content-Range"] == f"bytes {size - 1000}-{size - 1}/{size}"
    assert outside.status_code == 416
    assert outside.headers["Content-Range"] == f"bytes */{size}"
    assert [several.status_code, stale.status_code, fresh.status_code, known.status_code] == [
        200,
        200,
        206,
        304,
    ]
    assert several.content == stale.content == whole.content


async def test_an_archive_holds_the_tenants_jobs_and_files(
    service: Service, connect: Connect, api_key: MakeKey
) -> None:
    client, other = service.client, connect(service.web, await api_key("globex"))
    await other.post("/jobs/echo", json={"theirs": True})
    first = await make_archive(client)
    since = (await client.get(first.removesuffix("/result"))).json()["created_at"]
    asleep = await client.post("/jobs/sleep", json={"seconds": 60}, headers={"Prefer": "wait=1"})
    assert asleep.json()["state"] == "processing"
    failed = (await client.post("/jobs/fail", json={})).json()

    answers = [
        await client.post("/jobs/export_archive", json=params, headers={"Prefer": "wait=20"})
        for params in ({}, {"since": since})
    ]

    archives = [
        zipfile.ZipFile(io.BytesIO((await client.get(answer.json()["urls"]["result"])).content))
        for answer in answers
    ]
    assert [archive.testzip() for archive in archives] == [None, None]
    whole, later = ([json.loads(line) for line in archive.open("jobs.ndjson")] for archive in archives)
    assert [job["actor"] for job in whole] == ["echo", "export_archive", "sleep", "fail"]
    assert [job["actor"] for job in later] == ["export_archive", "sleep", "fail", "export_archive"]
    assert whole[0]["result"] == whole[0]["params"]
    assert {key: whole[3][key] for key in ("id", "state", "error")} == {
        key: failed[key] for key in ("id", "state", "error")
    }


async def test_a_files_time_is_its_jobs(service: Service, settings: dict[str, dict[str, str | None]]) -> None:
    import asyncpg

    from sooner.db import pool
    from sooner.jobs.retention.expire import Expiry

    address = await make_archive(service.client)
    url = str(settings["web"]["DATABASE_URL"])
    connection = await asyncpg.connect(url)
    await connection.execute(
        "update dramatiq.queue set expires_at = now() - interval '1 second' where actor = 'export_archive'"
    )

    gone = await service.client.get(address)
    database = pool(url, "test")
    await database.connect()
    removed = [await Expiry(database).jobs(), await Expiry(database).files(), await Expiry(database).files()]
    await database.close()
    left = await connection.fetchval("select count(*) from sooner.file_chunk")
    await connection.close()

    assert gone.status_code == 410
    assert removed == [1, 1, 0]
    assert left == 0


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("bytes=0-4", (0, 5)),
        ("Bytes = 3 - ", (3, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=5-2", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("lines=0-4", None),
        ("bytes=0-1,3-4", None),
        ("bytes=\u0661-\u0662", None),
    ],
)
def test_ranges_are_read_as_rfc_9110_says(field: str, part: tuple[int, int] | None) -> None:
    assert ranges.read(field, 10) == part


@pytest.mark.parametrize(
    ("field", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_without_a_byte_of_it_cannot_be_satisfied(field: str, size: int) -> None:
    with pytest.raises(ranges.Unsatisfiable):
        ranges.read(field, size)


def test_a_file_name_goes_into_a_header_unharmed() -> None:
    field = attachment('Übersicht "50%".csv')

    assert field == (
        "attachment; filename=\"_bersicht _50__.csv\"; filename*=UTF-8''%C3%9Cbersicht%20%2250%25%22.csv"
    )
    assert field.isascii()
