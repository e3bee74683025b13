"""The worker process: what `dramatiq src.actors` boots around the queue and the actors."""

from src.worker.process import WorkerProcess

__all__ = ["WorkerProcess"]
