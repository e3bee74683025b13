from typing import Any

from sooner.jobs import job


@job(diagnostic=True)
async def echo(**params: Any) -> dict[str, Any]:
    """Gives back what it gets."""
    return params
