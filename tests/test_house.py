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
TEMPLATE = "src/sooner/template/project"
#: Each lock, and the groups of pyproject.toml that it holds beside the engine's own requirements.
LOCKS = {
    "requirements.txt": ("inventory",),
    "requirements-local.txt": ("inventory", "local"),
    "requirements-dev.txt": ("inventory", "local", "dev"),
    f"{TEMPLATE}/requirements.txt": (),
    f"{TEMPLATE}/requirements-local.txt": ("local",),
    f"{TEMPLATE}/requirements-dev.txt": ("local", "project"),
}
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


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_satisfy_the_declared_requirements(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = (project["dependency-groups"][group] for group in LOCKS[lock])
    declared = [*project["project"]["dependencies"], *(entry for group in groups for entry in group)]
    pinned = pins(ROOT / lock)
    for requirement in (Requirement(entry) for entry in declared if isinstance(entry, str)):
        assert requirement.specifier.contains(pinned[requirement.name]), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_one_environment_serves_every_lock(lock: str) -> None:
    assert pins(ROOT / lock).items() <= pins(ROOT / "requirements-dev.txt").items()


def pins(lock: Path) -> dict[str, str]:
    """The versions in a lock, by package."""
    return {match["name"]: match["version"] for match in PIN.finditer(lock.read_text())}
