"""A job, read from its row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from sooner.jobs.states import PUBLIC, State


class Job(NamedTuple):
    """One row. `params`, `result`, `error` and `progress` are JSON texts.

    `turn` is the round in which the job's turn comes; None where the query did not read it.
    """

    id: UUID
    actor: str
    queue: str
    state: State
    tenant: str | None
    priority: int
    request_id: str | None
    attempts: int
    crashes: int
    version: int
    created_at: datetime
    run_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    progress: str | None
    params: str | None
    result: str | None
    error: str | None
    turn: int | None = None
    cancel_requested: bool = False
    parent: UUID | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Job":
        """The job of a row that the queries of `sql/read.sql` answered."""
        return cls(
            row["message_id"],
            row["actor"],
            row["queue_name"],
            PUBLIC[row["state"]],
            row["tenant"],
            row["priority"],
            row["request_id"],
            row["attempts"],
            row["crashes"],
            row["version"],
            row["created_at"],
            row["run_at"],
            row["started_at"],
            row["finished_at"],
            row["expires_at"],
            row["progress"],
            row["params"],
            row["result"],
            row["error"],
            row.get("turn"),
            row.get("cancel_requested", False),
            row.get("parent"),
        )

    @property
    def fraction(self) -> float | None:
        """The fraction of the job's progress; None where the actor has given none."""
        progress: Mapping[str, Any] = {} if self.progress is None else orjson.loads(self.progress)
        return progress.get("fraction")

    @property
    def etag(self) -> str:
        """The entity tag of this version of the document (RFC 9110, section 8.8.3)."""
        return f'"{self.version}-{self.state}"'
