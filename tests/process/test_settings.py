"""Wrong settings: each is named, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sooner.process.settings import WebSettings, load

if TYPE_CHECKING:
    from collections.abc import Mapping

RIGHT = {"DATABASE_URL": "postgresql://host/database", "LINK_SIGNING_KEY": "x" * 32}


def complaints(
    values: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    for name, value in {**RIGHT, **values}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        load(WebSettings)
    assert ended.value.code == 78
    return capsys.readouterr().err.splitlines()


def test_settings_that_contradict_each_other_are_named_beside_wrong_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"SYNC_WAIT_SECONDS": "30", "LINK_SIGNING_KEY": "short"}
    assert complaints(values, monkeypatch, capsys) == [
        "SYNC_WAIT_MAX_SECONDS: SYNC_WAIT_SECONDS is above it",
        "LINK_SIGNING_KEY: each key needs 32 characters or more",
    ]


@pytest.mark.parametrize(
    "origin",
    [
        "app.example",
        "https://",
        "https://app.example/path",
        "https://a@app.example",
        "https://a.example https://b.example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(
    origin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = complaints({"CORS_ALLOW_ORIGINS": f"https://good.example,{origin}"}, monkeypatch, capsys)
    assert line == "CORS_ALLOW_ORIGINS: not an origin such as https://app.example.org"


def test_origins_are_read_as_browsers_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    origins = "https://App.example:8443/, http://localhost:3000,capacitor://localhost, null, *"
    for name, value in (RIGHT | {"CORS_ALLOW_ORIGINS": origins}).items():
        monkeypatch.setenv(name, value)
    assert load(WebSettings).cors_allow_origins == (
        "https://app.example:8443",
        "http://localhost:3000",
        "capacitor://localhost",
        "null",
        "*",
    )
