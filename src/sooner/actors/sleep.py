import asyncio
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from sooner.jobs import job, progress


class Slept(TypedDict):
    slept: float


@job(diagnostic=True)
async def sleep(
    seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False)],
    steps: Annotated[int, Field(ge=1, le=1000)] = 1,
) -> Slept:
    """Sleeps, and reports its progress `steps` times."""
    for step in range(1, steps + 1):
        await asyncio.sleep(seconds / steps)
        progress(step / steps, f"step {step} of {steps}")
    return {"slept": seconds}
