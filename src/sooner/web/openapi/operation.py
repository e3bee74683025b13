"""The description of one endpoint; the API's description consists of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Schema = Mapping[str, Any]

#: `jobs` and `admin` are scopes of keys, `key` is any key but no token; `public` takes no credentials.
Scope = Literal["jobs", "admin", "key", "public"]


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
    """One endpoint's description."""

    #: What a method of a client would be called: its `operationId`.
    name: str
    answers: Mapping[int, Answer]
    tag: str
    scope: Scope
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    #: Whether a job's signed address is accepted in place of a key.
    by_address: bool = False
    #: Its summary and its details.
    text: tuple[str, str] = ("", "")

    @cached_property
    def query(self) -> tuple[str, ...]:
        """The query parameters that it takes."""
        declared = tuple(each.name for each in self.parameters if each.where == "query")
        return (*declared, "access") if self.by_address else declared


PREFER = Parameter(
    "Prefer",
    "header",
    "`wait=N` waits up to N seconds, `respond-async` not at all (RFC 7240).",
    {"type": "string"},
    "wait=10",
)

IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", "Entity tags of the versions that the client has.", {"type": "string"}
)

LAST_EVENT_ID = Parameter(
    "Last-Event-ID", "header", "The id of the last event that the client has.", {"type": "string"}
)

#: The headers of every answer that is a job document.
DOCUMENT = ("ETag", "Retry-After")
