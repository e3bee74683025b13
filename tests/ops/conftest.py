"""A copy of this checkout, to run as a person would who has just cloned it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from sooner.local.ports import free_port
from tests.support import trees
from tests.support.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator


class Checkout:
    """A folder with the project's files and nothing that tools made.

    Args:
        folder: where to copy them; reachable by all users, since root's PostgreSQL is another user's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Process] = []
        trees.present(folder)

    def start(self, command: str, **settings: str | None) -> Process:
        """Starts a shell command in the folder, on a port of its own."""
        label = f"run-{len(self.started) + 1}"
        settings = {"PORT": str(free_port()), **settings}
        process = Process(label, f"exec {command}", settings, self.folder / f"{label}.log", self.folder)
        self.started.append(process)
        return process

    def processes(self) -> list[psutil.Process]:
        """All processes that a run in this folder has started and that still live."""
        return [process for process in psutil.process_iter() if self._started(process)]

    def end(self) -> None:
        """Kills whatever a test has left."""
        for process in self.started:
            process.end()
        for left in self.processes():
            left.kill()

    def _started(self, process: psutil.Process) -> bool:
        try:
            data = str(self.folder / ".data")
            return process.environ().get("SOONER_OPS_RUN") == data or process.cwd().startswith(data)
        except (psutil.Error, OSError):
            return False


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A copy of this checkout; gone afterwards with all that ran in it."""
    folder = Path(tempfile.mkdtemp(prefix="sooner-checkout-")).resolve()
    folder.chmod(0o755)
    checkout = Checkout(folder)
    yield checkout
    checkout.end()
    shutil.rmtree(folder, ignore_errors=True)
