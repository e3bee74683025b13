"""The worker process, which `dramatiq src.actors` boots."""

from sooner.worker.follow_up_options import FollowUpOptions, NoGroupCallbacks
from sooner.worker.results import RowResults
from sooner.worker.worker_process import WorkerProcess

__all__ = ["FollowUpOptions", "NoGroupCallbacks", "RowResults", "WorkerProcess"]
