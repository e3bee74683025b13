"""What the processes of `./ops/run` are told: a port that is free where they listen."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from sooner.local.environments import (
    DotenvError,
    PortError,
    base_url,
    common_environment,
    is_free,
    read_dotenv,
)
from sooner.process.settings.host import HostAddress

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "address"), [("", "127.0.0.1"), ("::", "127.0.0.1"), ("::", "::1"), ("::1", "::1")]
)
def test_a_port_taken_on_one_of_the_addresses_is_not_free(
    given: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", given)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if not HostAddress(family, (address, 0)).takes():
        pytest.skip(f"this machine has no {address}")
    with socket.create_server((address, 0), family=family) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104
        ("[2001:db8::1]", "http://[2001:db8::1]:8000"),
        ("192.0.2.1", "http://192.0.2.1:8000"),
    ],
)
def test_the_page_is_shown_where_web_listens(given: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", given)
    assert base_url(8000) == url


def test_a_host_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "*")
    with pytest.raises(PortError, match="HOST: no name and no IP address"):
        is_free(8000)


@pytest.mark.parametrize(
    ("given", "told"), [("25", "5"), ("3", "3"), ("0", "0"), ("", "5"), ("soon", "soon")]
)
def test_a_worker_has_the_time_to_give_its_jobs_back(
    given: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUTDOWN_TIMEOUT_SECONDS", given)
    assert common_environment("postgresql://host/database")["SHUTDOWN_TIMEOUT_SECONDS"] == told


def test_a_dotenv_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(DotenvError, match=r"\.env cannot be read: .*: write it in UTF-8, NAME=VALUE a line"):
        read_dotenv(tmp_path / ".env")
