"""What has happened to a job since somebody last heard of it."""

import re
from dataclasses import dataclass
from typing import Literal

from sooner.jobs.row import Job
from sooner.jobs.states import State

EventType = Literal["state", "progress"]

STATES = frozenset(state.value for state in State)
_ID = re.compile(r"([0-9]{1,10})-([a-z_]{1,20})")


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody last heard of a job: from an event's id, or from the job itself."""

    version: int
    state: str
    attempts: int | None = None
    progress: str | None = None

    @classmethod
    def of(cls, job: Job) -> "Heard":
        """All that a document told."""
        return cls(job.version, job.state, job.attempts, job.progress)

    @classmethod
    def read(cls, id: str) -> "Heard | None":
        """What the holder of an event's id heard; None for what is no such id."""
        match = _ID.fullmatch(id)
        return cls(int(match[1]), match[2]) if match and match[2] in STATES else None

    def news(self, job: Job) -> EventType | None:
        """The event that the job is to whoever heard this, if it is one.

        A row holds the latest state alone: of states that came and went unheard only the last is told.
        """
        if job.version == self.version and job.state == self.state:
            return None
        # A final job that changed was retried, and came to the same end again.
        if job.state != self.state or job.state.is_final or job.version < self.version:
            return "state"
        if self.attempts not in (None, job.attempts):
            return "state"
        return "progress" if job.progress not in (None, self.progress) else None


def event_id(job: Job) -> str:
    """The id of the event that tells of a job as it is: its version, and its state."""
    return f"{job.version}-{job.state}"
