"""Archives over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from sooner.outgoing import Network
from src.sources import SourceFailed, download, fetch
from tests.support.sites import Exchange, Site, site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from src.sources.fetch import Source

OPEN = Network(allow_private=True)
ARCHIVE = bytes(range(256)) * 10_000


def quiet(_fraction: float | None, _message: str) -> None:
    """Nobody listens."""


async def bring(url: str, folder: Path, **options: Any) -> Source:
    options = {"network": OPEN, "ref": None, "token": None, "progress": quiet, **options}
    return await fetch(options.pop("network"), url, folder, **options)


async def failure(url: str, folder: Path, **options: Any) -> SourceFailed:
    with pytest.raises(SourceFailed) as failed:
        await bring(url, folder, **options)
    return failed.value


def archive_but_no_repository(exchange: Exchange) -> None:
    """As most servers of files."""
    if "/info/refs" in exchange.path:
        exchange.answer(404)
    else:
        exchange.answer(200, ARCHIVE, Content_Type="application/gzip")


@pytest.fixture
def server() -> Iterator[Site]:
    with site(archive_but_no_repository) as running:
        yield running


@pytest.mark.parametrize(
    "path", ["/a.tar.gz", "/A.ZIP", "/a.tgz", "/a.tar", "/a.tar.xz", "/a.tbz2", "/get?id=3", "/a.zip#x"]
)
async def test_what_looks_like_an_archive_is_asked_for_at_once(
    path: str, server: Site, tmp_path: Path
) -> None:
    source = await bring(server.url + path, tmp_path)
    assert (source.archive.read_bytes(), source.commit) == (ARCHIVE, None)
    assert [path for _, path, _ in server.seen] == [path.removesuffix("#x")]


async def test_what_is_no_repository_is_an_archive(server: Site, tmp_path: Path) -> None:
    source = await bring(f"{server.url}/tarball/main", tmp_path)
    assert source.archive.read_bytes() == ARCHIVE
    assert [path for _, path, _ in server.seen] == [
        "/tarball/main/info/refs?service=git-upload-pack",
        "/tarball/main",
    ]


async def test_an_archive_has_no_refs(server: Site, tmp_path: Path) -> None:
    assert (await failure(f"{server.url}/a.zip", tmp_path, ref="main")).type == "source-without-refs"
    assert server.seen == []


async def test_progress_is_told(server: Site, tmp_path: Path) -> None:
    told: list[tuple[float | None, str]] = []
    await bring(f"{server.url}/a.zip", tmp_path, progress=lambda *word: told.append(word))
    assert told[-1] == (1.0, "2.4 MiB fetched")


@pytest.mark.parametrize("announced", [True, False])
async def test_too_much_is_not_fetched(
    announced: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", len(ARCHIVE) - 1)

    def handle(exchange: Exchange) -> None:
        if announced:
            exchange.answer(200, ARCHIVE)
            return
        exchange.send_response(200)
        exchange.send_header("Connection", "close")
        exchange.end_headers()
        exchange.wfile.write(ARCHIVE)
        exchange.close_connection = True

    with site(handle) as running:
        failed = await failure(f"{running.url}/a.zip", tmp_path)
    assert (failed.type, failed.detail) == ("source-too-large", "More than 2,559,999 bytes are not fetched.")


@pytest.mark.parametrize(
    ("status", "type"),
    [
        (401, "source-unauthorized"),
        (403, "source-unauthorized"),
        (404, "source-not-found"),
        (500, "source-failed"),
    ],
)
async def test_answers_that_are_no_archive(status: int, type: str, tmp_path: Path) -> None:
    with site(lambda exchange: exchange.answer(status)) as running:
        assert (await failure(f"{running.url}/a.zip", tmp_path)).type == type
    assert len(running.seen) == 1


async def test_a_transfer_that_breaks_off_is_begun_again(tmp_path: Path) -> None:
    times = iter(range(9))

    def handle(exchange: Exchange) -> None:
        whole = next(times) > 0
        exchange.send_response(200)
        exchange.send_header("Content-Length", str(len(ARCHIVE)))
        exchange.end_headers()
        exchange.wfile.write(ARCHIVE if whole else ARCHIVE[:1000])
        exchange.close_connection = True

    with site(handle) as running:
        source = await bring(f"{running.url}/a.zip", tmp_path)
    assert source.archive.read_bytes() == ARCHIVE


async def test_a_server_that_is_away(tmp_path: Path) -> None:
    with site(archive_but_no_repository) as running:
        pass
    assert (await failure(f"{running.url}/a.zip", tmp_path)).type == "source-unreachable"


async def test_a_loop_of_redirects(tmp_path: Path) -> None:
    with site(lambda exchange: exchange.answer(302, Location=exchange.path)) as running:
        failed = await failure(f"{running.url}/a.zip", tmp_path)
    assert failed.type == "source-unreachable"
    assert len(running.seen) < 10


async def test_private_addresses_are_refused(server: Site, tmp_path: Path) -> None:
    failed = await failure(f"https://localhost:{server.port}/a.zip", tmp_path, network=Network())
    assert (failed.type, server.seen) == ("source-refused", [])
    failed = await failure(f"{server.url}/a.zip", tmp_path, network=Network())
    assert (failed.type, failed.detail) == ("source-refused", "The address has to begin with https://.")


@pytest.mark.parametrize(("token", "sent"), [("canary", "Bearer canary"), ("a:b", "Basic YTpi")])
async def test_a_token_goes_to_the_archives_own_host_alone(
    token: str, sent: str, server: Site, tmp_path: Path
) -> None:
    with site(lambda exchange: exchange.answer(302, Location=f"{server.url}/a.zip")) as first:
        source = await bring(f"{first.url}/a.zip", tmp_path, token=SecretStr(token))
    assert source.archive.read_bytes() == ARCHIVE
    assert first.seen[0][2]["Authorization"] == sent
    assert "Authorization" not in server.seen[0][2]


async def test_a_refusal_does_not_repeat_the_token(tmp_path: Path) -> None:
    with site(lambda exchange: exchange.answer(401, exchange.headers["Authorization"].encode())) as running:
        failed = await failure(f"{running.url}/a.zip", tmp_path, token=SecretStr("canary"))
    assert "canary" not in json.dumps(vars(failed))
