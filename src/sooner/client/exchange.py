"""One exchange with the service, tried again where that may help."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from sooner.client.problem import NoAnswer, ProblemError

#: Answers after which the same request may succeed.
PASSING = (429, 502, 503, 504)
#: Answers after which the service may have done what was asked: a proxy's own, and 503 where the database's answer was lost.
LOSING = (502, 503, 504)
#: The errors of a request that the service has not got.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
TRIES = 6
#: A longer Retry-After is not waited for, in seconds.
LONGEST_PAUSE = 60.0


@dataclass
class Ask:
    """A request of the client's."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    content: bytes | None = None
    #: The seconds for which the service may hold the answer.
    held: float = 0.0
    #: How often it is sent at most.
    tries: int = TRIES
    #: The seconds to wait before it is sent.
    pause: float = 0.0
    #: Whether the answer to a try was lost: the service may have done what was asked.
    is_lost: bool = False

    def options(self, timeout: float) -> dict[str, Any]:
        """The options of httpx's `request`."""
        options = {"headers": dict(self.headers), "params": dict(self.params), "timeout": timeout + self.held}
        if self.content is not None:
            return {**options, "content": self.content}
        return options if self.json is None else {**options, "json": self.json}


class Passing(Exception):
    """An answer or a lost connection after which the request is sent again."""

    def __init__(self, error: Exception, pause: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.pause = error, pause


def passes(response: httpx.Response) -> bool:
    """Whether the same request may succeed later.

    The service itself answers 502, as a problem, for the result of a job that failed, and that stays so; a proxy's 502 passes.
    """
    is_jobs_error = response.status_code == httpx.codes.BAD_GATEWAY and response.headers.get(
        "content-type", ""
    ).startswith("application/problem+json")
    return response.status_code in PASSING and not is_jobs_error


def checked(response: httpx.Response, ask: Ask) -> httpx.Response:
    """The response. Raises Passing for one that passes, ProblemError for any other refusal."""
    ask.is_lost = ask.is_lost or response.status_code in LOSING
    if passes(response) and (pause := retry_after(response)) <= LONGEST_PAUSE:
        raise Passing(ProblemError(response), pause)
    if response.is_error:
        raise ProblemError(response)
    return response


def lost(error: httpx.TransportError, url: httpx.URL, ask: Ask) -> Passing:
    """The error of a connection that could not be made, or was lost."""
    ask.is_lost = ask.is_lost or not isinstance(error, UNSENT)
    return Passing(NoAnswer(f"no answer from {url}: {str(error) or type(error).__name__}"))


def retry_after(response: httpx.Response) -> float:
    """The seconds that an answer asks to wait (RFC 9110, section 10.2.3); 0 where it does not."""
    said = response.headers.get("retry-after", "")
    if said.isdecimal():
        return float(said)
    try:
        return max(
            0.0,
            parsedate_to_datetime(said).timestamp()
            - parsedate_to_datetime(response.headers["date"]).timestamp(),
        )
    except (KeyError, TypeError, ValueError):
        return 0.0


def _is_last(state: tenacity.RetryCallState) -> bool:
    ask: Ask = state.args[-1]
    return state.attempt_number >= ask.tries


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.pause if isinstance(error, Passing) else 0.0
    return asked + tenacity.wait_random_exponential(multiplier=0.25, max=20)(state)


#: Tenacity's options: full jitter, or as long as the service says.
PATIENCE: dict[str, Any] = {
    "retry": tenacity.retry_if_exception_type(Passing),
    "stop": _is_last,
    "wait": _pause,
    "reraise": True,
}
