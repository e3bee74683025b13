"""The worker process, which `dramatiq src.actors` boots."""

from sooner.worker.follow_ups import FollowUps, NoGroupCallbacks
from sooner.worker.results import RowResults
from sooner.worker.worker_process import WorkerProcess

__all__ = ["FollowUps", "NoGroupCallbacks", "RowResults", "WorkerProcess"]
