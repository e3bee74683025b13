import os
import signal
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from sooner.jobs import current, job


class SurvivedCrashes(TypedDict):
    survived: int


@job(diagnostic=True)
async def crash(times: Annotated[int | None, Field(ge=0)] = None) -> SurvivedCrashes:
    """Kills its own worker process on its first `times` attempts, or on all attempts without `times`."""
    if times is None or current().attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"survived": times or 0}
