"""dramatiq's backend of results: it takes those of synchronous actors, and `get_result` reads those of all jobs."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import dramatiq
from dramatiq.results import ResultBackend, ResultFailure, ResultMissing, ResultTimeout
from dramatiq.results.backend import DEFAULT_TIMEOUT

from sooner.jobs import codec
from sooner.jobs.running.attempt import Attempt
from sooner.queue.broker import Outcome, refuse_in_loop

#: The seconds between two looks: the first pause, and the longest.
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.2


class RowResults(ResultBackend):
    """Passes a result to its attempt, whose ending writes it into the job's row, and reads results from there by `outcome`."""

    def __init__(self, outcome: Callable[[UUID], Outcome | None]) -> None:
        super().__init__()
        self._outcome = outcome

    def store_result(self, message: "dramatiq.Message[Any] | Attempt", result: Any, ttl: int) -> None:
        """The actor returned. The row's retention counts, and not `ttl`."""
        if isinstance(message, Attempt):
            message.succeed(result)

    def get_result(
        self, message: "dramatiq.Message[Any]", *, block: bool = False, timeout: int | None = None
    ) -> Any:
        """The result of a job; with `block`, wait for it for up to `timeout` milliseconds (10 s).

        Raises ResultMissing, ResultTimeout, ResultFailure for a job that failed or was cancelled, RuntimeError in an event loop.
        """
        refuse_in_loop(
            "waiting for a result",
            f'await handle("{message.message_id}").result() (from sooner import handle)',
        )
        until = time.monotonic() + (DEFAULT_TIMEOUT if timeout is None else timeout) / 1000
        pause = FIRST_PAUSE
        while (outcome := self._outcome(UUID(message.message_id))) is None:
            if not block:
                raise ResultMissing(message)  # type: ignore[no-untyped-call]
            if time.monotonic() + pause > until:
                raise ResultTimeout(message)  # type: ignore[no-untyped-call]
            time.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
        return _result(outcome)


def _result(outcome: Outcome) -> Any:
    if outcome.error is not None:
        error = codec.loads(outcome.error)
        detail = error["detail"] or error["title"]
        raise _failure(f"actor raised {error['type']}: {detail}", error["type"], detail)
    if outcome.result is None:
        raise _failure("the job was cancelled", "cancelled", "the job was cancelled")
    return codec.loads(outcome.result)


def _failure(said: str, type: str, detail: str) -> ResultFailure:
    return ResultFailure(said, type, detail)  # type: ignore[no-untyped-call]
