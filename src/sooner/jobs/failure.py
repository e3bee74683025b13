"""How a job fails, as its document tells it."""

from typing import Any

from sooner.jobs import codec
from sooner.jobs.problem import Invalid

#: Characters of a member.
LONGEST = 10_000


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


def deciding(error: BaseException) -> BaseException:
    """The exception that tells why a job failed: of a group its only member, or its first Failure, which counts the others."""
    members = _members_of(error)
    if len(members) == 1:
        return members[0]
    first = next((member for member in members if isinstance(member, Failure)), None)
    if first is None:
        return error
    detail = f"{text_of(first)} (and {len(members) - 1} more)"
    return Failure(detail, type=first.type, title=first.title, again=first.again)


def _members_of(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, however deep, in their order; one that is no group by itself."""
    found, left = [], [error]
    while left:
        member = left.pop()
        if isinstance(member, BaseExceptionGroup):
            left += reversed(member.exceptions)
        else:
            found.append(member)
    return found


def describe(error: BaseException) -> str:
    """The `error` member for an exception, as JSON: of an unexpected one its class alone, for its text may tell anything."""
    return codec.dumps(_members(error))


def _members(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Failure):
        return _document(error.type, error.title, text_of(error))
    if isinstance(error, Invalid):
        return _document("invalid", "The parameters do not fit", text_of(error))
    return _document(type(error).__name__, "The job failed with an unexpected exception", None)


def _document(type: str, title: str, detail: str | None) -> dict[str, Any]:
    return {
        "type": storable(str(type)[:LONGEST]),
        "title": storable(str(title)[:LONGEST]),
        "detail": None if detail is None else storable(detail[:LONGEST]),
    }


def text_of(error: BaseException) -> str:
    """An exception's text; of one that has none to give (its `__str__` may raise anything) a sentence that says so."""
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - also KeyboardInterrupt: the job has to end
        return "The exception has no text: its __str__ failed."


def storable(text: str) -> str:
    """A text that PostgreSQL can keep: no NUL, no lone surrogate."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
