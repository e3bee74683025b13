"""The worker process: what `dramatiq src.actors` boots around the queue and the actors."""

from sooner.worker.process import WorkerProcess
from sooner.worker.results import RowResults

__all__ = ["RowResults", "WorkerProcess"]
