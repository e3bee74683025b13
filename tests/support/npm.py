"""Programs of the npm registry that only tests use, installed by name into a folder of the run."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.support.missing import missing

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
