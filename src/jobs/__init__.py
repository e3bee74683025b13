"""Jobs: what they are, how they are declared, submitted, waited for, run and stopped."""

from src.jobs.context import current, progress
from src.jobs.declare import job
from src.jobs.limit import Limit, Rate

__all__ = ["Limit", "Rate", "current", "job", "progress"]
