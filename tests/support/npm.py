"""Programs of the npm registry that only tests use, installed by name into a folder of the run."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, *packages: str) -> Path:
    """The `node_modules` with these packages. Skips the test without npm or registry; with CI set it fails instead."""
    if shutil.which("npm") is None:
        missing("npm is not installed")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", *packages]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        missing(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return folder / "node_modules"


def missing(what: str) -> None:
    """Skips the test for something that this machine lacks; in CI nothing may be lacking."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)
