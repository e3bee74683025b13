import time
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from sooner.jobs import job


class Burnt(TypedDict):
    burnt: float


@job(diagnostic=True)
def burn(seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]) -> Burnt:
    """Keeps a processor busy: nothing but bytecode."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))
    return {"burnt": seconds}
