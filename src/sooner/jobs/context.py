"""The context of running code: which job it belongs to."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from sooner.process import logs
from sooner.queue.broker import Origin


class Current(NamedTuple):
    """One attempt at a job, as its actor sees it. `attempt` counts from 1."""

    id: UUID
    actor: str
    tenant: str | None
    attempt: int
    crashes: int
    request_id: str | None
    traceparent: str | None
    say: Callable[[float | None, str | None], None]
    #: Takes a piece of output, a JSON text; False where it is dropped.
    put: Callable[[str], bool]


def _unheard(fraction: float | None, message: str | None) -> None:
    pass


def _unread(piece: str) -> bool:
    return True


#: The first attempt at no job of no tenant; its progress and its output reach nobody.
NO_JOB = Current(
    id=UUID(int=0),
    actor="",
    tenant=None,
    attempt=1,
    crashes=0,
    request_id=None,
    traceparent=None,
    say=_unheard,
    put=_unread,
)

_current: ContextVar[Current] = ContextVar("sooner_job")


def current() -> Current:
    """The job that is running here; outside a job, as in a test that calls an actor, `NO_JOB`."""
    return _current.get(NO_JOB)


def current_if_any() -> Current | None:
    """The job that is running here, or None outside a job."""
    return _current.get(None)


def origin() -> Origin:
    """The values that a new job inherits from the job whose code submits it."""
    job = _current.get(None)
    if job is None:
        return Origin()
    return Origin(
        tenant=job.tenant,
        request_id=job.request_id,
        traceparent=job.traceparent,
        parent=job.id,
        of_job=True,
    )


_waiting: list[Callable[[Current], AbstractContextManager[None]]] = []


def wait_by(waiting: Callable[[Current], AbstractContextManager[None]]) -> None:
    """Set the context in which a job gives up its place while it waits for others. The worker calls this once when it begins."""
    _waiting[:] = [waiting]


def waiting() -> AbstractContextManager[None]:
    """The context in which the running job waits for other jobs without holding a place."""
    job = _current.get(None)
    return nullcontext() if job is None or not _waiting else _waiting[0](job)


def enter(job: Current) -> None:
    """Make this the job of all code that this task or thread runs from now on."""
    _current.set(job)
    logs.belong(job=str(job.id), actor=job.actor, request_id=job.request_id, traceparent=job.traceparent)


def progress(fraction: float | None = None, message: str | None = None) -> None:
    """Tell the job's followers how far it is: `fraction` from 0 to 1, `message` for a person.

    It is cheap: only the latest call is written, a few times a second. Outside a job it does nothing.
    A fraction beyond 0 or 1 counts as 0 or 1, NaN as none; a message is cut to a thousand characters.
    """
    job = _current.get(None)
    if job is not None:
        job.say(None if fraction is None else _share(fraction), message)


def _share(fraction: float) -> float | None:
    """The fraction, clamped to 0 and 1: sums of rounded steps end a little beyond 1."""
    try:
        number = float(fraction)
    except OverflowError:
        number = math.inf if fraction > 0 else -math.inf
    return None if math.isnan(number) else min(1.0, max(0.0, number))
