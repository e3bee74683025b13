"""An actor that keeps a processor busy, on a queue of its own."""

import time

from sooner.jobs import job
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job(queue="heavy")
def grind(seconds: float) -> None:
    """Nothing but bytecode, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
