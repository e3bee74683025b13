from typing import Any

from src.jobs import job


@job(diagnostic=True)
async def echo(**params: Any) -> dict[str, Any]:
    """Gives back what it gets."""
    return params
