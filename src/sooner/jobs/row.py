"""The job document's home: each member of the document, and each other field of a job, is declared here once.

The query's columns, a row's reading, the document and its schema derive from it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, get_type_hints
from uuid import UUID

import orjson
from typing_extensions import TypedDict

from sooner.jobs.states import PRIORITIES, PUBLIC, State


class Progress(TypedDict):
    fraction: float | None
    message: str | None


class Error(TypedDict):
    """Why a job failed. `note` is by the person who resolved it."""

    type: str
    title: str
    detail: str | None
    note: NotRequired[str]


class Field(NamedTuple):
    """How a field of a job is stored and shown."""

    #: Its expression in the table; empty where the column has the field's name.
    sql: str = ""
    #: Its type in the document, where that is another than the field's.
    shape: Any = None
    #: Makes the document's value, for orjson, of any value but None.
    show: Callable[[Any], Any] | None = None
    #: Whether the document has it.
    is_shown: bool = True
    #: Whether the document has it only where it is true.
    is_optional: bool = False


SHOWN = Field()
HIDDEN = Field(is_shown=False)


class Job(NamedTuple):
    """One job. `params`, `result`, `error` and `progress` are JSON texts, which go into the document unread.

    `turn` is the round in which the job's turn comes; None for a job that has just been submitted later.
    """

    id: Annotated[UUID, Field("message_id", str, str)]
    actor: Annotated[str, SHOWN]
    queue: Annotated[str, Field("queue_name")]
    state: Annotated[State, Field("state::text")]
    tenant: Annotated[str | None, HIDDEN]
    priority: Annotated[int, Field(shape=Literal["high", "normal", "low"], show=PRIORITIES.__getitem__)]
    request_id: Annotated[str | None, SHOWN]
    attempts: Annotated[int, SHOWN]
    crashes: Annotated[int, SHOWN]
    version: Annotated[int, HIDDEN]
    created_at: Annotated[datetime, SHOWN]
    run_at: Annotated[datetime | None, SHOWN]
    started_at: Annotated[datetime | None, SHOWN]
    finished_at: Annotated[datetime | None, SHOWN]
    expires_at: Annotated[datetime | None, SHOWN]
    progress: Annotated[str | None, Field("progress::text", Progress | None, orjson.Fragment)]
    params: Annotated[str | None, Field("(message->'kwargs')::text", Any, orjson.Fragment)]
    result: Annotated[str | None, Field("result::text", Any, orjson.Fragment)]
    error: Annotated[str | None, Field("error::text", Error | None, orjson.Fragment)]
    parent: Annotated[UUID | None, Field(shape=str | None, show=str)] = None
    cancel_requested: Annotated[bool, Field(is_optional=True)] = False
    turn: Annotated[int | None, HIDDEN] = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Job":
        """The job of a row whose columns are `COLUMNS`."""
        return _read(row)

    @property
    def fraction(self) -> float | None:
        """The fraction of the job's progress; None where the actor has given none."""
        progress: Mapping[str, Any] = {} if self.progress is None else orjson.loads(self.progress)
        return progress.get("fraction")

    @property
    def etag(self) -> str:
        """The entity tag of this version of the document (RFC 9110, section 8.8.3)."""
        return f'"{self.version}-{self.state}"'


def compiled(arguments: str, expression: str, **known: Any) -> Callable[..., Any]:
    """A function whose text is made of the fields, as dataclasses' are: a loop over them takes half as long again."""
    function: Callable[..., Any] = eval(f"lambda {arguments}: {expression}", known)  # noqa: S307
    return function


_HINTS = get_type_hints(Job, include_extras=True)
FIELDS: dict[str, Field] = {name: hint.__metadata__[0] for name, hint in _HINTS.items()}

#: The columns of a query whose rows `Job.read` takes.
COLUMNS = ", ".join(f"{field.sql or name} as {name}" for name, field in FIELDS.items())

#: The types of the document's members, as a TypedDict has them.
SHAPES: dict[str, Any] = {
    name: NotRequired[shape] if field.is_optional else shape
    for name, field in FIELDS.items()
    if field.is_shown
    for shape in (field.shape or _HINTS[name].__origin__,)
}

_values = {name: f"row[{name!r}]" for name in FIELDS} | {"state": "PUBLIC[row['state']]"}
_read: Callable[[Mapping[str, Any]], Job] = compiled(
    "row", f"make(({', '.join(_values.values())}))", make=Job._make, PUBLIC=PUBLIC
)
