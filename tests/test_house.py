"""The house rules: lint, format, types, floors, locks."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support import ROOT
from tests.support.environment import environment

RULES = {
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "types": "mypy",
    "types of the engine": "mypy --package sooner",
    "floors": "lint-imports --no-logo",
    "environment": "python -m pip check",
}
LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
PIN = re.compile(r"(?m)^(?P<name>[a-z0-9-]+)==(?P<version>[^\s;]+)")


@pytest.mark.parametrize("command", RULES.values(), ids=RULES)
def test_rule(command: str) -> None:
    done = subprocess.run(
        command.split(), cwd=ROOT, env=environment({}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


SLOPPY = """import untyped_and_elsewhere
import sooner
import os
def helper(x, y=[], id=None):
    try:
        if not x or 42>len(y):
            print('x'   ,  os.environ.get("X"))
    except Exception:
        pass
    return x+y+untyped_and_elsewhere.more( )
@sooner.job
def sloppy(name, times:int=1):
    return helper([name]*times)
"""


@pytest.mark.parametrize("folder", ["actors", "schedules"])
@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "ruff format --check .",
        "mypy --follow-imports=skip src/{}",
    ],
)
def test_a_teams_own_modules_are_held_to_no_house_rules(command: str, folder: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    module = tmp_path / "src" / folder / "sloppy.py"
    module.parent.mkdir(parents=True)
    module.write_text(SLOPPY)
    done = subprocess.run(
        command.format(folder).split(),
        cwd=tmp_path,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_hold_names_and_hashes_only(lock: str) -> None:
    line = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?", re.ASCII)
    other = [text for text in (ROOT / lock).read_text().splitlines() if not line.fullmatch(text)]
    assert other == []


def test_locks_satisfy_the_declared_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run = project["project"]["dependencies"]
    local = [*run, *project["dependency-groups"]["local"]]
    dev = [*local, *(entry for entry in project["dependency-groups"]["dev"] if isinstance(entry, str))]
    for lock, declared in zip(LOCKS, (run, local, dev), strict=True):
        pinned = pins(ROOT / lock)
        for requirement in map(Requirement, declared):
            assert requirement.specifier.contains(pinned[requirement.name]), f"{lock}: {requirement}"


def test_one_environment_serves_every_lock() -> None:
    run, local, dev = (pins(ROOT / lock) for lock in LOCKS)
    assert run.items() <= local.items() <= dev.items()


def pins(lock: Path) -> dict[str, str]:
    """The versions in a lock, by package."""
    return {match["name"]: match["version"] for match in PIN.finditer(lock.read_text())}
