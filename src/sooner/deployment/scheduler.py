"""The scheduler process of a deployment."""

import importlib
import signal
import sys
from collections.abc import Iterable, Mapping
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sooner.periodic import Schedule


def run(package: str) -> None:
    """Fire the schedules of a deployment until SIGTERM or SIGINT. Raises SystemExit with the process's exit code."""
    signal.signal(signal.SIGTERM, _leave)
    from sooner.scheduler.scheduler_process import main

    def declared() -> "Iterable[Schedule]":
        schedules: Mapping[str, Schedule] = importlib.import_module(f"{package}.schedules").declared
        return schedules.values()

    sys.exit(main(declared))


def _leave(number: int, frame: FrameType | None) -> None:
    """End at a signal that comes before the scheduler runs."""
    raise SystemExit(0)
