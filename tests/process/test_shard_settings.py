"""Several databases in the settings: which one a process works on, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sooner.process.settings import WebSettings, WorkerSettings, load

if TYPE_CHECKING:
    from collections.abc import Mapping

A, B = "postgresql://host/a", "postgresql://host/b"
SEVERAL = {"DATABASE_URLS": f"a={A}  b={B}\n", "LINK_SIGNING_KEY": "x" * 32}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings are those of the test alone."""
    for name in ("DATABASE_URL", "DATABASE_URLS", "SHARD", "HOME_SHARD", "DATABASE_REPLICA_URLS"):
        monkeypatch.delenv(name, raising=False)


def given(values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_web_works_on_all_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    given({**SEVERAL, "DATABASE_URL": "postgresql://host/other"}, monkeypatch)
    monkeypatch.setenv("DATABASE_REPLICA_URLS", "b=postgresql://replica/b")
    settings = load(WebSettings)
    assert settings.addresses == {"a": (A, None), "b": (B, "postgresql://replica/b")}
    assert settings.home_shard == "a"
    monkeypatch.setenv("HOME_SHARD", "b")
    assert load(WebSettings).home_shard == "b"


def test_web_works_on_one_where_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given({"DATABASE_URL": A, "LINK_SIGNING_KEY": "x" * 32}, monkeypatch)
    settings = load(WebSettings)
    assert (settings.addresses, settings.home_shard) == ({"": (A, None)}, None)


def test_a_worker_works_on_its_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    given({**SEVERAL, "SHARD": "b", "DATABASE_URL": A}, monkeypatch)
    assert load(WorkerSettings).database_url == B
    monkeypatch.delenv("SHARD")
    assert load(WorkerSettings).database_url == A


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "DATABASE_URL: missing"),
        (SEVERAL, "DATABASE_URL: missing, or SHARD, which says which of a, b this process works on"),
        ({**SEVERAL, "SHARD": "c"}, "DATABASE_URL: SHARD is c, but DATABASE_URLS names a, b"),
        (
            {"DATABASE_URLS": A, "DATABASE_URL": A},
            "DATABASE_URLS: not name=postgresql://…, several with a space between",
        ),
        ({"DATABASE_URLS": f"a={A} a={B}", "DATABASE_URL": A}, "DATABASE_URLS: a is there twice"),
        (
            {"DATABASE_URLS": f"A={A}", "DATABASE_URL": A},
            "DATABASE_URLS: 'A' is no name of a shard: a small letter, then small letters, digits and hyphens, 31 at most",
        ),
        (
            {"DATABASE_URLS": "a=postgresql://host/", "DATABASE_URL": A},
            "DATABASE_URLS: a: names no database (postgresql://user:password@host/database)",
        ),
    ],
)
def test_a_worker_without_one_database_is_refused(
    values: Mapping[str, str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(values, monkeypatch)
    with pytest.raises(SystemExit) as ended:
        load(WorkerSettings)
    assert ended.value.code == 78
    assert capsys.readouterr().err.splitlines() == [line]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"HOME_SHARD": "c"}, "HOME_SHARD: DATABASE_URLS names a, b"),
        ({"DATABASE_REPLICA_URLS": f"c={A}"}, "DATABASE_REPLICA_URLS: DATABASE_URLS does not name c"),
    ],
)
def test_web_refuses_shards_that_are_not_there(
    values: Mapping[str, str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given({**SEVERAL, **values}, monkeypatch)
    with pytest.raises(SystemExit):
        load(WebSettings)
    assert capsys.readouterr().err.splitlines() == [line]
