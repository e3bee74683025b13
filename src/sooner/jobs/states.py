"""The states of a job: the public names, and those of dramatiq-pg's table."""

from enum import StrEnum


class State(StrEnum):
    """A public state (contract, section 2)."""

    WAITING = "waiting"
    PROCESSING = "processing"
    DONE = "done"
    ERROR = "error"
    ERROR_RESOLVED = "error_resolved"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job is at its end: only a person can change its state."""
        return self not in (State.WAITING, State.PROCESSING)

    @property
    def stored(self) -> str:
        """The name in the table."""
        return STORED[self]


STORED = {
    State.WAITING: "queued",
    State.PROCESSING: "consumed",
    State.DONE: "done",
    State.ERROR: "rejected",
    State.ERROR_RESOLVED: "error_resolved",
    State.CANCELLED: "cancelled",
}

PUBLIC = {stored: state for state, stored in STORED.items()}

PRIORITIES = ("high", "normal", "low")
