"""Jobs, the domain, by story: declaring, submitting, following, running, operating."""

from sooner.jobs.context import current, progress
from sooner.jobs.declaring.declare import job
from sooner.jobs.declaring.limit import Limit, Rate

__all__ = ["Limit", "Rate", "current", "job", "progress"]
