"""Commands that have to go well."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.support.environment import environment

if TYPE_CHECKING:
    from pathlib import Path


def run(command: list[str], folder: Path, **settings: str) -> str:
    """The output of a command; asserts that it exits 0."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
