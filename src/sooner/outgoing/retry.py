"""The failures of outgoing HTTP that pass by themselves."""

import httpx
import tenacity

#: Too many requests; errors of a proxy or an overloaded server (RFC 9110, section 15.6; RFC 6585).
PASSING = frozenset({408, 425, 429, 502, 503, 504})


def transient(error: BaseException) -> bool:
    """Whether the same request may succeed in a moment. A refusal never does."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code in PASSING
    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def briefly(attempts: int = 3) -> tenacity.AsyncRetrying:
    """For requests that a job waits for: a few tries, with pauses of a second or two and jitter."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.5, max=5),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )
