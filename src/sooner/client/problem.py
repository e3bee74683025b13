"""The errors of a client."""

from typing import Any

import httpx


class ProblemError(Exception):
    """The service refused; `problem` is its problem document (RFC 9457), `status` the answer's."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.problem = _problem(response)
        # The detail is about the first error.
        others = "".join(
            f"; {error['pointer']}: {error['detail']}" for error in self.problem.get("errors", ())[1:]
        )
        super().__init__(f"{self.problem.get('detail') or self.problem['title']}{others}")


class NoAnswer(Exception):
    """The service cannot be reached, or does not recover. Submitting again with the same idempotency key makes no second job."""


def _problem(response: httpx.Response) -> dict[str, Any]:
    if "json" in response.headers.get("content-type", ""):
        found = response.json()
        if isinstance(found, dict) and "title" in found:
            return found
    return {
        "status": response.status_code,
        "title": f"{response.url} answers {response.status_code} {response.reason_phrase}",
    }
