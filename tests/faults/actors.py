"""Actors whose effects can be counted: each leaves a line in a file that no fault under test can reach.

`dramatiq src.actors tests.faults.actors` loads them beside the service's own; `tests.faults.web` offers them.
"""

import asyncio
import os
import time
from typing import Annotated

from pydantic import Field

import src.actors  # noqa: F401 - the broker has to be there before an actor is declared
from sooner.jobs import current, job

Seconds = Annotated[float, Field(ge=0, le=60)]


@job(diagnostic=True)
async def mark(seconds: Seconds = 0, n: int = 0, padding: str = "") -> dict[str, int]:
    """Takes its time, then has its effect: one line. Runs on the worker's loop; the padding takes room."""
    await asyncio.sleep(seconds)
    _effect()
    return {"n": n}


@job(diagnostic=True)
def mark_on_thread(seconds: Seconds = 0, n: int = 0, padding: str = "") -> dict[str, int]:
    """As `mark`, on a thread."""
    time.sleep(seconds)
    _effect()
    return {"n": n}


@job(diagnostic=True)
async def lone_surrogate() -> str:
    """Gives back what is no text to PostgreSQL, nor to the driver."""
    return "\ud800"


def _effect() -> None:
    # One write to a file opened for appending is whole or not at all, whatever becomes of the process.
    file = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, f"{current().id} {os.getpid()}\n".encode())
    finally:
        os.close(file)
