"""Where dramatiq puts what a synchronous actor returns."""

from typing import Any

import dramatiq
from dramatiq.results import ResultBackend

from sooner.jobs.running.attempt import Attempt


class RowResults(ResultBackend):
    """Hands a result to the attempt it belongs to, whose ending writes it into the job's row."""

    def store_result(self, message: "dramatiq.Message[Any] | Attempt", result: Any, ttl: int) -> None:
        """The actor returned. It is the row's retention that counts, not `ttl`."""
        if isinstance(message, Attempt):
            message.succeed(result)
