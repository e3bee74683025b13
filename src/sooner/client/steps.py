"""The requests of each method, whoever sends them: a generator yields a request and is sent its response."""

import random
import secrets
from collections.abc import Generator, Mapping
from datetime import datetime
from math import ceil, inf
from time import monotonic
from typing import Any, Literal, NamedTuple, TypedDict
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import UUID

import httpx

from sooner.client.exchange import LONGEST_PAUSE, Ask, retry_after
from sooner.client.problem import ProblemError

Document = dict[str, Any]

#: The seconds for which the service holds the answer of a follower.
HELD_SECONDS = 20
#: A follower outlives a deploy: these are more than ten minutes.
FOLLOWING_TRIES = 50
#: An answer without news that comes sooner was not held: its asker pauses, in seconds.
EARLY_SECONDS = 1.0
EARLY_PAUSE = 2.0
NOT_MODIFIED = 304
CONFLICT = 409
LONGEST_PAGE = 100


class SubmitOptions(TypedDict, total=False):
    """The options of a submission.

    wait: seconds; by default the service's own. run_at: a time with its zone. delay, cancel_after: seconds.
    notify: mailto:ADDRESS gets one mail at the job's end.
    idempotency_key: one is made up where there is none.
    """

    wait: float | None
    priority: Literal["high", "normal", "low"] | None
    run_at: datetime | None
    delay: float | None
    cancel_after: float | None
    notify: str | None
    idempotency_key: str | None


class Filter(TypedDict, total=False):
    """The filter of a list: a state, an actor's name, the id of a parent."""

    state: str | None
    actor: str | None
    parent: str | None


def submit(actor: str, params: Document, options: SubmitOptions) -> Generator[Ask, httpx.Response, Document]:
    """The job document of a new job."""
    wait, run_at, delay = options.get("wait"), options.get("run_at"), options.get("delay")
    key = options.get("idempotency_key") or secrets.token_hex(16)
    if not (key.isascii() and key.isprintable()):
        raise ValueError("the idempotency key is not 1 to 255 visible ASCII characters")
    headers = {"Idempotency-Key": key}
    if wait is not None:
        headers["Prefer"] = f"wait={ceil(wait)}" if wait else "respond-async"
    if (seconds := options.get("cancel_after")) is not None:
        headers["Cancel-After"] = f"{seconds:.6f}"
    query = {
        "priority": options.get("priority"),
        "delay": None if delay is None else f"{delay:.6f}",
        "run_at": None if run_at is None else run_at.isoformat(),
        "notify": options.get("notify"),
    }
    path = f"/jobs/{quote(actor, safe='')}"
    return _document((yield Ask("POST", path, headers, _given(query), json=params, held=wait or 0.0)))


def document(id: UUID | str) -> Generator[Ask, httpx.Response, Document]:
    """The job document as it is now."""
    return _document((yield Ask("GET", _path(id))))


def look(
    id: UUID | str, tag: str | None, until: float = inf
) -> Generator[Ask, httpx.Response, tuple[Document | None, str | None]]:
    """The job document once it differs from the one with this entity tag, or None at a time of `monotonic`; its tag."""
    pause = 0.0
    while True:
        left = max(0.0, until - monotonic())
        held = 0 if tag is None else ceil(min(HELD_SECONDS, left))
        headers = {} if tag is None else {"If-None-Match": tag, "Prefer": f"wait={held}"}
        answer = yield Ask(
            "GET", _path(id), headers, held=held, tries=FOLLOWING_TRIES, pause=min(pause, left)
        )
        if answer.status_code != NOT_MODIFIED:
            return answer.json(), answer.headers.get("etag")
        if monotonic() >= until:
            return None, tag
        pause = _pause(answer)


def _pause(answer: httpx.Response) -> float:
    """The seconds until a follower asks again that got no news.

    The service holds no answer where SYNC_WAIT_MAX_SECONDS is 0, and while it ends.
    """
    if answer.elapsed.total_seconds() >= EARLY_SECONDS:
        return 0.0
    jitter = random.uniform(1, 1.5)  # noqa: S311 - no secret
    return min(retry_after(answer) or EARLY_PAUSE, LONGEST_PAUSE) * jitter


def is_final(document: Document) -> bool:
    """Whether the job has ended."""
    return document["state"] not in ("waiting", "processing")


def result(id: UUID | str) -> Generator[Ask, httpx.Response, bytes]:
    """The bare result."""
    return (yield Ask("GET", _path(id, "/result"))).content


def act(
    id: UUID | str, action: Literal["cancel", "retry", "resolve"], note: str | None = None
) -> Generator[Ask, httpx.Response, Document]:
    """The job document after an action, also where the answer to the action was lost and a second try was refused."""
    ask = Ask("POST", _path(id, f"/{action}"), json=None if note is None else {"note": note})
    try:
        return _document((yield ask))
    except ProblemError as refused:
        if not ask.is_lost or refused.status != CONFLICT:
            raise
        job = _document((yield Ask("GET", _path(id))))
        if not _is_after(job, action):
            raise
        return job


def _is_after(job: Document, action: Literal["cancel", "retry", "resolve"]) -> bool:
    """Whether a job is as the action leaves it."""
    if action == "cancel":
        return job["state"] == "cancelled" or bool(job.get("cancel_requested"))
    return job["state"] in (("waiting", "processing", "done") if action == "retry" else ("error_resolved",))


class ListPage(NamedTuple):
    """A page of a list, the address of the next one, and the shards that do not answer, whose items it lacks."""

    items: list[Document]
    next: str | None
    missing: list[str]


def page(
    path: str, query: Mapping[str, Any], after: str | None = None
) -> Generator[Ask, httpx.Response, ListPage]:
    """A page of a list: the first, or the one at an address."""
    wanted = _given(query) if after is None else dict(parse_qsl(urlsplit(after).query))
    found = (yield Ask("GET", path, params=wanted)).json()
    return ListPage(found["items"], found["next"], found.get("missing", []))


def logs(id: UUID | str) -> tuple[str, Mapping[str, Any]]:
    """The list of the lines that the job's code logged: its path and query."""
    return _path(id, "/logs"), {"limit": LONGEST_PAGE}


class NewPieces(NamedTuple):
    """What a job has put out since.

    `is_reset`: it is tried again, and earlier pieces are void. `is_truncated`: further pieces are dropped.
    """

    items: list[Any]
    next: int
    is_complete: bool
    is_reset: bool
    is_truncated: bool

    @property
    def is_news(self) -> bool:
        """Whether there is anything that the reader does not know."""
        return bool(self.items) or self.is_complete or self.is_reset or self.is_truncated


def output(id: UUID | str, after: int) -> Generator[Ask, httpx.Response, NewPieces]:
    """The pieces behind a number, as soon as there are any or the job has ended."""
    headers = {"Accept": "application/json", "Prefer": f"wait={HELD_SECONDS}"}
    pause = 0.0
    while True:
        answer = yield Ask(
            "GET",
            _path(id, "/output"),
            headers,
            {"from": after},
            held=HELD_SECONDS,
            tries=FOLLOWING_TRIES,
            pause=pause,
        )
        found = _new_pieces(answer.json())
        if found.is_news:
            return found
        pause = _pause(answer)


def _new_pieces(found: Document) -> NewPieces:
    return NewPieces(
        found["items"],
        found["next"],
        is_complete=found["complete"],
        is_reset=found.get("reset", False),
        is_truncated=found.get("truncated", False),
    )


def upload(content: bytes) -> Generator[Ask, httpx.Response, Document]:
    """The upload that was made."""
    return _document((yield Ask("POST", "/uploads", content=content)))


def _document(answer: httpx.Response) -> Document:
    found: Document = answer.json()
    return found


def _path(id: UUID | str, more: str = "") -> str:
    return f"/jobs/{quote(str(id), safe='')}{more}"


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
