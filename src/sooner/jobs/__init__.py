"""Jobs: declaring, submitting, following, running and stopping them."""

from sooner.jobs.context import current, progress
from sooner.jobs.declaring.declare import job
from sooner.jobs.declaring.limit import Limit, Rate

__all__ = ["Limit", "Rate", "current", "job", "progress"]
