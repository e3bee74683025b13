"""Wrong settings: each is named, with the reason."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from sooner.local.environments import PortError, choose_port
from sooner.local.procfile import read_procfile
from sooner.process.settings import CodeSettings, SchedulerSettings, WebSettings, WorkerSettings, load
from tests.support import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic_settings import BaseSettings

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


BEYOND = {
    WebSettings: ("JOB_RETENTION_DAYS", "MAX_QUEUE_DEPTH", "MAX_WAITING_PER_TENANT", "SYNC_WAIT_MAX_SECONDS", "WEB_CONCURRENCY"),
    WorkerSettings: ("JOB_RETENTION_DAYS", "LEASE_SECONDS", "SHUTDOWN_TIMEOUT_SECONDS", "WORKER_CONCURRENCY", "WORKER_THREADS"),
    SchedulerSettings: ("LEASE_SECONDS", "SHUTDOWN_TIMEOUT_SECONDS"),
    CodeSettings: ("JOB_RETENTION_DAYS",),
}  # fmt: skip


@pytest.mark.parametrize("kind", BEYOND)
def test_a_number_with_which_a_process_would_fail_later_is_refused(
    kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**RIGHT, **dict.fromkeys(BEYOND[kind], "9" * 20)}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(kind)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(BEYOND[kind])
    assert all(": Input should be less than or equal to " in line for line in lines), lines


def test_a_port_that_nobody_could_name_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = complaints({"PORT": "0"}, monkeypatch, capsys)
    assert line == "PORT: Input should be greater than or equal to 1"
    with pytest.raises(PortError, match="PORT=0 is taken or no port"):
        choose_port()


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


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        *(("", [1, 8, 25]), ("1", [1, 1, 1]), ("08", [8, 8, 8]), ("010", [10, 10, 10])),
        ("1000", [1000, 1000, 1000]),
        *(
            (wrong, None)
            for wrong in (
                "0",
                "00",
                "1.5",
                "5.0",
                "2x",
                "+3",
                "-1",
                "1_0",
                " 4",
                "many",
                "1; echo 5",
                "9" * 9,
                "9" * 30,
            )
        ),
    ],
)
def test_the_procfile_hands_a_worker_the_numbers_that_its_settings_read(
    value: str, numbers: list[int] | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "dramatiq").write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    (tmp_path / "dramatiq").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DATABASE_URL", RIGHT["DATABASE_URL"])
    for name in ("WORKER_PROCESSES", "WORKER_THREADS", "SHUTDOWN_TIMEOUT_SECONDS"):
        monkeypatch.setenv(name, value)

    line = read_procfile(ROOT / "Procfile")["worker"]
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    passed = [int(word) for word in done.stdout.split() if word.isdigit()]

    if numbers is None:
        assert (passed[:2], len(passed)) == ([1, 1], 3), done.stdout
        with pytest.raises(ValidationError, match=r"(?s)worker_processes.*worker_threads"):
            WorkerSettings()
    else:
        settings = WorkerSettings()
        read = [settings.worker_processes, settings.worker_threads, settings.shutdown_timeout_seconds]
        assert read == numbers
        assert passed == [*numbers[:2], numbers[2] * 1000]
