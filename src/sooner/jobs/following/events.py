"""The events of a job since a reader last heard of it."""

import re
from dataclasses import dataclass
from typing import Literal

from sooner.jobs.row import Job
from sooner.jobs.states import State

EventType = Literal["state", "progress", "output", "reset"]

STATES = frozenset(state.value for state in State)
_ID = re.compile(r"([0-9]{1,10})-([a-z_]{1,20})(?:-([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Heard:
    """The last news that a reader has of a job: from an event's id, or from the job itself. `output` is its last piece's number."""

    version: int
    state: str
    attempts: int | None = None
    progress: str | None = None
    output: int = 0

    @classmethod
    def of(cls, job: Job) -> "Heard":
        """The news in a whole document."""
        return cls(job.version, job.state, job.attempts, job.progress)

    @classmethod
    def read(cls, id: str) -> "Heard | None":
        """The news behind an event's id; None for a text that is no such id."""
        match = _ID.fullmatch(id)
        if match is None or match[2] not in STATES:
            return None
        return cls(int(match[1]), match[2], output=int(match[3] or 0))

    def news(self, job: Job) -> Literal["state", "progress"] | None:
        """The type of the event that this reader gets for the job as it is now; None where it has no news.

        A row holds the latest state alone: of several states since, the reader hears of the last.
        """
        if job.version == self.version and job.state == self.state:
            return None
        # A final job that changed was retried, and came to the same end again.
        if job.state != self.state or job.state.is_final or job.version < self.version:
            return "state"
        if self.attempts not in (None, job.attempts):
            return "state"
        return "progress" if job.progress not in (None, self.progress) else None


#: What a reader may be taken to know of any job.
CREATED = Heard(0, State.WAITING)


def event_id(heard: Job | Heard, output: int = 0) -> str:
    """The id of an event after which its reader has heard of this version and state, and has this last piece of output, if any."""
    return f"{heard.version}-{heard.state}-{output}" if output else f"{heard.version}-{heard.state}"
