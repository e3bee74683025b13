"""The attempts at a job, as operators see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sooner.db import Database, Queries
from sooner.jobs import codec
from sooner.jobs.states import PUBLIC, State

SQL = Queries("sooner.jobs.operating", "sql/attempts_log.sql")

#: The attempts that a row keeps (`dramatiq.remembered`).
MOST = 20
#: The public name of an attempt's outcome, by its name in the row's history.
OUTCOMES = {"failed": "error", "given back": "given-back", "lost with its worker": "lost"}

Entry = Mapping[str, Any]


class AttemptsLog:
    """Reads the attempts at a job and their outcomes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job: UUID) -> Sequence[Entry]:
        """The last attempts, oldest first, including the running one. Raises Unavailable."""
        row = await self._database.row(SQL.begun, id=job)
        return () if row is None else entries(row)


def entries(row: Mapping[str, Any]) -> Sequence[Entry]:
    """The attempts in a row."""
    past = [_past(each) for each in codec.loads(row["history"] or "[]")]
    began_at = row["started_at"]
    # A job that waits, or was cancelled while it waited, still has its last attempt's start.
    if began_at is not None and not (past and past[-1]["began_at"] == began_at):
        past.append(_latest(row))
    return past[-MOST:]


def _past(each: Mapping[str, Any]) -> Entry:
    began_at, ended_at = (_time(each[name]) for name in ("started_at", "ended_at"))
    outcome = OUTCOMES[each["outcome"]]
    return _entry(each["attempt"], each["worker"], began_at, ended_at, outcome, each.get("raised"))


def _latest(row: Mapping[str, Any]) -> Entry:
    worker = None if row["worker"] is None else str(row["worker"])
    raised = None if row["raised"] is None else codec.loads(row["raised"])
    return _entry(row["attempts"], worker, row["started_at"], row["finished_at"], _outcome(row), raised)


def _outcome(row: Mapping[str, Any]) -> str | None:
    state = PUBLIC[row["state"]]
    if not state.is_final:
        return None
    if state in (State.ERROR, State.ERROR_RESOLVED):
        return "lost" if row["error"] == "worker-lost" else "error"
    return state


def _entry(
    attempt: int,
    worker: str | None,
    began_at: datetime | None,
    ended_at: datetime | None,
    outcome: str | None,
    raised: Mapping[str, str | None] | None,
) -> Entry:
    return {
        "attempt": attempt,
        "worker": worker,
        "began_at": began_at,
        "ended_at": ended_at,
        "outcome": outcome,
        **(raised or {"exception": None, "traceback": None}),
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
