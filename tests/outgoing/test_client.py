"""Outgoing HTTP against real servers on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import trustme

from sooner.outgoing import Network, Refused, briefly, reach
from sooner.outgoing.reach import check_reach
from tests.support.sites import Exchange, Site, site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OPEN = Network(allow_private=True)
CLOSED = Network()

PUBLIC = "93.184.216.34"


@pytest.fixture
def hello() -> Iterator[Site]:
    with site(lambda exchange: exchange.answer(200, b"hello")) as running:
        yield running


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes a name server: each look-up of any name gives the next answer; returns the names asked for."""

    def serve(*answers: list[str]) -> list[str]:
        asked: list[str] = []
        left = list(answers)

        def look_up(host: str, port: None, *, type: int, flags: int) -> list[Any]:
            asked.append(host)
            return [(socket.AF_INET, type, 6, "", (ip, 0)) for ip in left.pop(0)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return serve


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:{port}/",
        "https://localhost:{port}/",
        "https://127.1:{port}/",
        "https://2130706433:{port}/",
        "https://0x7f.0.0.1:{port}/",
        "https://[::ffff:127.0.0.1]:{port}/",
        "https://[::1]:{port}/",
        "https://0.0.0.0:{port}/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(hello: Site, url: str) -> None:
    async with CLOSED.client() as client:
        with pytest.raises(Refused, match="private network"):
            await client.get(url.format(port=hello.port))
    assert hello.seen == []


@pytest.mark.parametrize(
    ("host", "found", "is_refused"),
    [
        ("public.example", [PUBLIC], False),
        ("private.example", ["192.168.1.1"], True),
        ("mixed.example", [PUBLIC, "fd00::1"], True),
        ("unknown.example", [], False),
    ],
)
async def test_an_address_to_be_kept_is_refused_where_its_name_is_a_private_one(
    monkeypatch: pytest.MonkeyPatch, host: str, found: list[str], is_refused: bool
) -> None:
    def resolve(asked: str, port: None, type: int, flags: int) -> list[Any]:
        if flags or not found or asked != host:
            raise socket.gaierror
        return [(socket.AF_INET, type, 6, "", (ip, 0)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Refused, match=host) if is_refused else contextlib.nullcontext():
        await check_reach(f"https://{host}/hook")


async def test_names_that_resolve_slowly_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def resolve(*asked: Any, flags: int, **_: Any) -> list[Any]:
        if not flags:
            over.wait(60)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(reach, "RESOLVE_SECONDS", 0.05)
    try:
        await asyncio.gather(*(check_reach(f"https://{n}.example/") for n in range(100)))
    finally:
        over.set()


async def test_one_private_address_among_public_ones_is_refused(names: Callable[..., list[str]]) -> None:
    names([PUBLIC, "10.0.0.1"])
    async with CLOSED.client() as client:
        with pytest.raises(Refused, match=r"mixed\.example is an address of a private network, or resolves"):
            await client.get("https://mixed.example/")


async def test_the_connection_goes_to_the_address_that_was_checked(
    hello: Site, names: Callable[..., list[str]]
) -> None:
    asked = names(["127.0.0.1"], ["127.0.0.99"])
    async with OPEN.client() as client:
        answer = await client.get(f"http://rebinding.example:{hello.port}/")
    assert answer.text == "hello"
    assert asked == ["rebinding.example"]
    assert hello.seen[0][2]["Host"] == f"rebinding.example:{hello.port}"


async def test_the_next_address_is_tried_where_one_does_not_answer(
    hello: Site, names: Callable[..., list[str]]
) -> None:
    names(["127.0.0.99", "127.0.0.1"])
    async with OPEN.client() as client:
        assert (await client.get(f"http://two.example:{hello.port}/")).text == "hello"


@pytest.mark.parametrize(
    "target", ["https://inside.example/", "https://127.0.0.1/", "http://a.example/", "file:///x"]
)
async def test_a_redirect_is_checked_again(target: str, names: Callable[..., list[str]]) -> None:
    names(["127.0.0.1"], ["127.0.0.1"])
    network = Network(allow_private=True)

    def close_and_send_on(exchange: Exchange) -> None:
        network.allow_private = False
        exchange.answer(302, Location=target)

    with site(close_and_send_on) as away:
        async with network.client(follow_redirects=True) as client:
            with pytest.raises(Refused):
                await client.get(f"http://outside.example:{away.port}/")
    assert len(away.seen) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/", "has to begin with https://"),
        ("ftp://example.org/", "has to begin with https://"),
        ("file:///etc/passwd", "has to begin with https://"),
        ("example.org/x", "has to begin with https://"),
        ("https:///x", "names no host"),
        ("https://user:secret@example.org/", "must not carry a user name or password"),
        ("https://exa mple.org/", "names no host"),
        ("https://[::1/", "no address"),
    ],
)
def test_forms_that_are_refused(url: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refusal:
        CLOSED.check(url)
    assert "secret" not in str(refusal.value)


async def test_a_name_that_does_not_resolve() -> None:
    async with CLOSED.client() as client:
        with pytest.raises(httpx.ConnectError, match=r"nowhere\.invalid does not resolve"):
            await client.get("https://nowhere.invalid/")


async def test_a_key_goes_to_its_own_host_alone() -> None:
    with site(lambda exchange: exchange.answer(200)) as theirs:

        def send_away(exchange: Exchange) -> None:
            exchange.answer(302, Location=f"{theirs.url}/")

        with site(send_away) as ours:
            async with OPEN.client(follow_redirects=True) as client:
                await client.get(ours.url, headers={"Authorization": "Bearer key"})
    assert ours.seen[0][2]["Authorization"] == "Bearer key"
    assert "Authorization" not in theirs.seen[0][2]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


def _tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_is_for_the_name_not_for_the_address(
    authority: trustme.CA, names: Callable[..., list[str]]
) -> None:
    names(["127.0.0.1"], ["127.0.0.1"])
    with site(lambda exchange: exchange.answer(200, b"hello"), _tls(authority, "right.example")) as running:
        async with Network(allow_private=True).client() as client:
            answer = await client.get(f"https://right.example:{running.port}/")
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://wrong.example:{running.port}/")
    assert answer.text == "hello"


async def test_what_passes_is_tried_again_and_the_rest_is_not() -> None:
    statuses = iter([503, 200, 404])
    with site(lambda exchange: exchange.answer(next(statuses))) as running:
        async with OPEN.client() as client:

            async def get() -> int:
                return (await client.get(running.url)).raise_for_status().status_code

            assert await briefly()(get) == 200
            with pytest.raises(httpx.HTTPStatusError, match="404"):
                await briefly()(get)
    assert len(running.seen) == 3
