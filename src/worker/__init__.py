"""The worker process: what `dramatiq src.actors` boots around the queue and the actors."""

from src.worker.process import WorkerProcess
from src.worker.results import RowResults

__all__ = ["RowResults", "WorkerProcess"]
