"""The `error` member of a job document, made from the exception that failed the job."""

from collections.abc import Callable
from typing import Any

from sooner.blobs import StoreAway
from sooner.jobs import codec
from sooner.jobs.problem import Invalid

#: The most characters of a member.
LONGEST = 10_000


class Failure(Exception):
    """An actor raises it to fail its job with a `type` for programs and a `detail` for people.

    Without `again` the job gets no further attempt, whatever its actor's `retries` say.
    """

    def __init__(
        self, detail: str, *, type: str = "failed", title: str = "The job failed", again: bool = True
    ) -> None:
        super().__init__(detail)
        self.again = again
        self.type = type
        self.title = title


def deciding(error: BaseException) -> BaseException:
    """The exception that explains a failed job: a group's only member, or its first Failure with the number of the others."""
    members = _members_of(error)
    if len(members) == 1:
        return members[0]
    first = next((member for member in members if isinstance(member, Failure)), None)
    if first is None:
        return error
    detail = f"{text_of(first)} (and {len(members) - 1} more)"
    return Failure(detail, type=first.type, title=first.title, again=first.again)


def _members_of(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, at any depth, in order; an exception that is no group stands for itself."""
    found, left = [], [error]
    while left:
        member = left.pop()
        if isinstance(member, BaseExceptionGroup):
            left += reversed(member.exceptions)
        else:
            found.append(member)
    return found


def describe(error: BaseException, clean: Callable[[str], str]) -> str:
    """The `error` member for an exception, as JSON. An unexpected exception shows its class alone: its text may hold secrets.

    `clean` removes the secrets of the attempt from a text, and no others': the tenant would see which words they are.
    """
    members = _members(error)
    return codec.dumps(
        {name: text if text is None else _member(text, clean) for name, text in members.items()}
    )


def _members(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Failure):
        return _document(error.type, error.title, text_of(error))
    if isinstance(error, Invalid):
        return _document("invalid", "The parameters do not fit", text_of(error))
    if isinstance(error, StoreAway):
        detail = "Uploads and files cannot be read or written now: try again later."
        return _document("store-away", "The store of uploads and files is away", detail)
    return _document(type(error).__name__, "The job failed with an unexpected exception", None)


def _document(type: Any, title: Any, detail: str | None) -> dict[str, Any]:
    return {"type": str(type), "title": str(title), "detail": detail}


def _member(text: str, clean: Callable[[str], str]) -> str:
    # Secrets are removed before the text is cut: half a secret would not be found.
    return storable(clean(text)[:LONGEST])


def text_of(error: BaseException) -> str:
    """An exception's text, or a sentence in its place where `__str__` raises."""
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - also KeyboardInterrupt: the job has to end
        return "The exception has no text: its __str__ failed."


def storable(text: str) -> str:
    """The text as PostgreSQL can store it: without NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
