"""Services: kept running, ended whole, their output shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
import pytest

from sooner.local.supervised_process import SettingsError, SupervisedProcess, described

if TYPE_CHECKING:
    from pathlib import Path


def service(command: str, name: str = "it") -> SupervisedProcess:
    return SupervisedProcess(name, command, dict(os.environ))


async def test_prints_each_line_under_its_name(capfd: pytest.CaptureFixture[str]) -> None:
    assert await service("echo one; echo two >&2; printf three").run() == 0
    assert capfd.readouterr().out == "it        | one\nit        | two\nit        | three\n"


async def test_survives_a_line_of_any_length(capfd: pytest.CaptureFixture[str]) -> None:
    assert await service("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end").run() == 0
    assert "it        | end\n" in capfd.readouterr().out


@pytest.mark.parametrize("on_sigterm", ["-", "''"], ids=["heeds SIGTERM", "ignores SIGTERM"])
async def test_what_outlives_the_leader_is_ended(tmp_path: Path, on_sigterm: str) -> None:
    pid = tmp_path / "pid"
    orphan = f"trap {on_sigterm} TERM; echo $$ > {pid}; exec sleep 1000"
    code = await service(f'sh -c "{orphan}" & until test -s {pid}; do sleep 0.02; done; exit 5').run()
    assert code == 5
    assert not lives(int(pid.read_text()))


async def test_starts_again_with_a_visible_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tries = tmp_path / "tries"
    # The third try refuses its settings, which ends the loop.
    command = f"echo try >> {tries}; test $(wc -l < {tries}) -lt 3 || exit 78; kill -KILL $$"
    with pytest.raises(SettingsError, match="it refused its settings"):
        await service(command).keep_running()
    said = [line for line in capfd.readouterr().out.splitlines() if "starting it again" in line]
    assert said == [
        "run       | it ended (SIGKILL), starting it again in 0.25 s",
        "run       | it ended (SIGKILL), starting it again in 0.5 s",
    ]


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exit code 0"), (3, "exit code 3"), (-15, "SIGTERM"), (-9, "SIGKILL"), (-200, "signal 200")],
)
def test_exit_codes_in_words(code: int, words: str) -> None:
    assert described(code) == words


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
