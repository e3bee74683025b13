"""The job that the running code belongs to."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from sooner.process import logs


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


_current: ContextVar[Current] = ContextVar("sooner_job")


def current() -> Current:
    """The job that is running here. Raises LookupError outside a job."""
    return _current.get()


def enter(job: Current) -> None:
    """Say which job the code of this task or thread belongs to from now on."""
    _current.set(job)
    logs.belong(job=str(job.id), actor=job.actor, request_id=job.request_id, traceparent=job.traceparent)


def progress(fraction: float | None = None, message: str | None = None) -> None:
    """Tell whoever watches the job how far it is: `fraction` from 0 to 1, `message` for a person.

    Costs next to nothing: the latest word is written a few times a second. Does nothing outside a job.
    Raises ValueError for a fraction that is none.
    """
    if fraction is not None and not 0 <= fraction <= 1:
        raise ValueError(f"a fraction lies between 0 and 1: {fraction}")
    job = _current.get(None)
    if job is not None:
        job.say(fraction, message)
