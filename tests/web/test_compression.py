"""Documents and lists over 1 kB are compressed for who takes it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sooner.process.zstd import zstd
from sooner.web.http.compression import LEAST_BYTES, LONG_BYTES, coding

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Service

UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "zstd": zstd.decompress}


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("gzip;q=0", None),
        ("*", "zstd"),
        ("*;q=0, gzip;q=0.1", "gzip"),
        ("identity, gzip;q=0.5", None),
        ("br", None),
        ("gzip;q=much", None),
        ("", None),
    ],
)
def test_the_best_coding_by_weight_is_taken(accepted: str, expected: str | None) -> None:
    assert coding(accepted) == expected


async def raw(
    client: httpx.AsyncClient, method: str, address: str, accepted: str, **more: Any
) -> tuple[httpx.Response, bytes]:
    """An answer and the bytes of its body as they came."""
    headers = {"Accept-Encoding": accepted, **more.pop("headers", {})}
    async with client.stream(method, address, headers=headers, **more) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


async def test_long_documents_and_lists_are_compressed(service: Service) -> None:
    client = service.client
    job = (await client.post("/jobs/echo", json={"text": "x" * LONG_BYTES})).json()
    self = f"/jobs/{job['id']}"
    for address in (self, "/jobs", "/actors", "/openapi.json"):
        plain, expected = await raw(client, "GET", address, "identity")
        assert "Content-Encoding" not in plain.headers
        for name in ("gzip", "zstd"):
            answer, body = await raw(client, "GET", address, name)
            assert answer.headers["Content-Encoding"] == name, address
            assert int(answer.headers["Content-Length"]) == len(body) < len(expected)
            assert "Accept-Encoding" in answer.headers["Vary"]
            if address != "/jobs":
                assert UNPACK[name](body) == expected, address


async def test_a_compressed_document_is_known_by_its_tag(service: Service) -> None:
    client = service.client
    job = (await client.post("/jobs/echo", json={"text": "x" * LEAST_BYTES})).json()
    answer, _ = await raw(client, "GET", f"/jobs/{job['id']}", "zstd")
    tag = answer.headers["ETag"]
    again, body = await raw(client, "GET", f"/jobs/{job['id']}", "zstd", headers={"If-None-Match": tag})

    assert tag.startswith('W/"')
    assert (again.status_code, body) == (304, b"")


async def test_short_answers_streams_and_files_come_as_they_are(service: Service) -> None:
    client = service.client
    short, _ = await raw(client, "GET", "/livez", "gzip")
    head, body = await raw(client, "HEAD", "/openapi.json", "gzip")
    job = (await client.post("/jobs/echo", json={"text": "x" * LEAST_BYTES})).json()
    result, _ = await raw(client, "GET", f"/jobs/{job['id']}/result", "gzip")
    events, text = await raw(client, "GET", f"/jobs/{job['id']}/events", "gzip")

    assert "Content-Encoding" not in short.headers
    assert (head.headers["Content-Encoding"], body) == ("gzip", b""), "as GET says"
    assert "Content-Encoding" not in events.headers
    # Its ranges are of these very bytes.
    assert "Content-Encoding" not in result.headers
    assert text.startswith(b"event: ") or b"\nevent: " in text
