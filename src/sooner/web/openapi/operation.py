"""The description of one endpoint; the API's description consists of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

H = TypeVar("H", bound=Callable[..., Any])

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """One answer. `shape` is a class of `sooner.web.openapi.schemas`, or None for no body or one of another `media`."""

    description: str
    shape: Any = None
    media: str | None = None
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One member of the query, or one header."""

    name: str
    where: Literal["query", "header"]
    description: str
    schema: Schema
    example: Any = None


@dataclass(frozen=True)
class Body:
    """A request's body; `schema` is JSON Schema."""

    schema: Schema
    example: Any = None
    media: str = "application/json"
    required: bool = True


@dataclass(frozen=True)
class Operation:
    """One handler's description; summary and details are its docstring."""

    answers: Mapping[int, Answer]
    tag: str
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    #: `jobs` and `admin` are scopes of keys, `key` is any key but no token.
    credentials: Literal["jobs", "admin", "key"] | None = "jobs"
    #: Whether a job's signed address is accepted in their place.
    by_address: bool = False
    text: tuple[str, str] = field(default=("", ""))


def operation(**members: Any) -> Callable[[H], H]:
    """Describe a handler, see `Operation`. Its summary is its docstring without the leading method and path."""

    def describe(handler: H) -> H:
        first, _, rest = (handler.__doc__ or "").strip().partition("\n")
        summary = first.partition(": ")[2].rstrip(".")
        described: Any = handler
        described.operation = Operation(**members, text=(summary[:1].upper() + summary[1:], rest.strip()))
        return handler

    return describe


PREFER = Parameter(
    "Prefer",
    "header",
    "`wait=N` waits up to N seconds, `respond-async` not at all (RFC 7240).",
    {"type": "string"},
    "wait=10",
)

#: The headers of every answer that is a job document.
DOCUMENT = ("ETag", "Retry-After")
