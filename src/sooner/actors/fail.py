from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from sooner.jobs import current, job
from sooner.jobs.failure import Failure


class SurvivedFailures(TypedDict):
    survived: int


@job(diagnostic=True)
async def fail(
    message: str = "it was asked to fail", times: Annotated[int | None, Field(ge=0)] = None
) -> SurvivedFailures:
    """Fails with a message on its first `times` attempts, or on all attempts without `times`."""
    if times is None or current().attempt <= times:
        raise Failure(message, type="failed-on-request", title="It was asked to fail")
    return {"survived": times}
