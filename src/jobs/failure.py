"""How a job fails, as its document tells it."""

from typing import Any

from src.jobs import codec
from src.jobs.problem import Invalid


class Failure(Exception):
    """Raised by an actor to fail its job with a `type` that programs can tell apart and a `detail` for people.

    `again` is whether another attempt may succeed: else none is made, whatever the actor's declaration says.
    """

    def __init__(
        self, detail: str, *, type: str = "failed", title: str = "The job failed", again: bool = True
    ) -> None:
        super().__init__(detail)
        self.again = again
        self.type = type
        self.title = title


def describe(error: BaseException) -> str:
    """The `error` member for an exception, as JSON. Never a stack trace."""
    return codec.dumps(_members(error))


def _members(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Failure):
        return {"type": error.type, "title": error.title, "detail": _storable(str(error))}
    if isinstance(error, Invalid):
        return {"type": "invalid", "title": "The parameters do not fit", "detail": _storable(str(error))}
    if isinstance(error, TimeoutError):
        return {"type": "timeout", "title": "The job took too long", "detail": _storable(str(error)) or None}
    title = "The job failed with an unexpected exception"
    return {"type": type(error).__name__, "title": title, "detail": _storable(str(error))}


def _storable(text: str) -> str:
    """A text that PostgreSQL can keep: no NUL, no lone surrogate, and not without end."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()[:10_000]
