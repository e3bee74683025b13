"""The shapes of answers, for the API's description (contract, section 2)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from sooner.jobs import row
from sooner.jobs.row import Error, Progress
from sooner.jobs.states import State
from sooner.jobs.webhooks.webhooks import Event


class Urls(TypedDict):
    self: str
    events: str
    result: str
    cancel: str


Urls.__doc__ = "The job's signed addresses, good until it expires."


class Estimate(TypedDict):
    finishes_at: datetime


class Attempt(TypedDict):
    """One attempt at a job: `outcome` is null while it runs, `exception` and `traceback` where it raised nothing."""

    attempt: int
    worker: str | None
    began_at: datetime | None
    ended_at: datetime | None
    outcome: Literal["done", "error", "cancelled", "given-back", "lost"] | None
    exception: str | None
    traceback: str | None


if TYPE_CHECKING:

    class JobFacts(TypedDict):
        """The members that come from the row."""
else:
    JobFacts = TypedDict("JobFacts", row.SHAPES)


class Job(JobFacts):
    """The job document. Operators who read a job alone get its last attempts, too.

    `cancel_requested` is there once somebody asked for an end: an actor may end all the same.
    """

    estimate: Estimate | None
    urls: Urls
    attempts_log: NotRequired[list[Attempt]]


class Wrong(TypedDict):
    """One member that does not fit: a JSON pointer as URI fragment (RFC 6901), and the reason."""

    pointer: str
    detail: str


class Problem(TypedDict):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: NotRequired[str | None]
    errors: NotRequired[list[Wrong]]


class Output(TypedDict):
    """What a job has put out: the pieces behind `from`. `next` is the next `from`; `complete` says that there will be no more.

    `reset`: the job was tried again since, so the pieces before `from` do not count. `truncated`: further pieces were dropped.
    """

    items: list[Any]
    next: int
    complete: bool
    reset: NotRequired[bool]
    truncated: NotRequired[bool]


class Jobs(TypedDict):
    """`missing` names the shards that are left out, since they are away."""

    items: list[Job]
    next: str | None
    missing: NotRequired[list[str]]


class LogLine(TypedDict):
    """A line that a job's code logged or printed, and beside it the fields that it was logged with.

    `exception` is the text of an exception that was logged, with its traceback.
    """

    at: datetime
    level: str
    logger: str
    message: str
    attempt: int
    exception: NotRequired[str]


class LogLines(TypedDict):
    items: list[LogLine]
    next: str | None


class Queue(TypedDict):
    name: str
    waiting: int
    due: int
    processing: int
    oldest_waiting_seconds: float | None
    finished_per_minute: int
    paused: bool
    workers: int
    stranded: int


class Queues(TypedDict):
    """`missing` names the shards that do not answer: their jobs are not in the numbers."""

    items: list[Queue]
    next: None
    missing: NotRequired[list[str]]


class Schedule(TypedDict):
    name: str
    cron: str
    timezone: str
    next_at: datetime


class Duration(TypedDict):
    """Seconds; null until enough is known."""

    p50: float | None
    p95: float | None


class Quantiles(TypedDict):
    """Seconds, rounded up by a sixth at most; null without attempts."""

    p50: float | None
    p95: float | None
    p99: float | None


class Stats(TypedDict):
    """The attempts at an actor's jobs in the five minutes from `at` on: those begun, those ended by outcome.

    `waiting` is the time from when a job was due to its first attempt, `duration` that of an attempt.
    """

    at: datetime
    begun: int
    done: int
    error: int
    cancelled: int
    interrupted: int
    lost: int
    duration: Quantiles
    waiting: Quantiles


class ActorStats(TypedDict):
    """`missing` names the shards that do not answer: their attempts are not in the numbers."""

    items: list[Stats]
    next: None
    missing: NotRequired[list[str]]


class Actor(TypedDict):
    name: str
    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    queue: str
    internal: bool
    schedule: Schedule | None
    duration: Duration


class Actors(TypedDict):
    items: list[Actor]
    next: None


class Upload(TypedDict):
    id: UUID
    bytes: int
    sha256: str


class Token(TypedDict):
    token: str
    expires_at: datetime


class NewWebhook(TypedDict):
    id: UUID
    url: str
    events: list[Event]
    secret: str


class Webhook(TypedDict):
    id: UUID
    url: str
    events: list[Event]
    created_at: datetime
    disabled_at: datetime | None


class Webhooks(TypedDict):
    items: list[Webhook]
    next: None


class Delivery(TypedDict):
    """A delivery to a webhook: `event` and `job` are the end that it tells of, `status` is the endpoint's latest answer."""

    id: UUID
    event: Event | Literal["webhook.test"]
    job: UUID | None
    state: State
    attempts: int
    at: datetime
    next_attempt_at: datetime | None
    status: int | None
    error: Error | None


class Deliveries(TypedDict):
    items: list[Delivery]
    next: str | None


class Session(TypedDict):
    expires_at: datetime


class History(TypedDict):
    """By queue, every `step` seconds of the last `seconds`: Unix time, then the highest numbers of waiting and
    processing jobs, of those finished in a minute, and of seconds that the oldest has waited. `missing` names the shards
    that do not answer.
    """

    seconds: int
    step: int
    queues: dict[str, list[list[float | None]]]
    missing: NotRequired[list[str]]


class Glance(TypedDict):
    """A job in brief. `failure` is its error's title."""

    id: UUID
    actor: str
    queue: str
    state: State
    tenant: str | None
    priority: Literal["high", "normal", "low"]
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    crashes: int
    progress: Progress | None
    failure: str | None


class Glances(TypedDict):
    """`next` is the cursor of the next page. `missing` names the shards that are left out, since they are away."""

    items: list[Glance]
    next: str | None
    missing: NotRequired[list[str]]


class Changed(TypedDict):
    """How many jobs it was done to, how many refused it, and the first one's reason.

    One request acts on 500 at most: `next` is the `cursor` with which the next one goes on. `missing` names the shards that are
    left out, since they are away.
    """

    changed: int
    refused: int
    reason: str | None
    next: str | None
    missing: NotRequired[list[str]]


class Health(TypedDict):
    status: Literal["ok"]


class Readiness(Health):
    schema: str
    shards: NotRequired[dict[str, Literal["ok", "away"]]]


#: Every shape that an operation may name.
SHAPES = (
    *(
        Actors,
        ActorStats,
        Changed,
        Deliveries,
        Delivery,
        Glances,
        Health,
        History,
        Job,
        Jobs,
        LogLines,
        NewWebhook,
        Output,
        Problem,
        Queue,
        Queues,
        Readiness,
    ),
    *(Session, Token, Upload, Webhooks),
)
