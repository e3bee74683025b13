from typing import Annotated

import tenacity
from pydantic import Field
from typing_extensions import TypedDict

from sooner.jobs import current, job
from sooner.jobs.failure import Failure


class SurvivedFlakes(TypedDict):
    survived: int


@job(diagnostic=True, retries=3, wait=tenacity.wait_exponential(multiplier=0.2))
async def flaky(times: Annotated[int, Field(ge=0)] = 1) -> SurvivedFlakes:
    """Fails on its first `times` attempts; it is tried up to four times."""
    if current().attempt <= times:
        raise Failure(
            f"attempt {current().attempt} failed", type="failed-on-request", title="It was asked to fail"
        )
    return {"survived": times}
