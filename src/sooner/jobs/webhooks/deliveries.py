"""Deliveries: the jobs that send to a tenant's webhooks, as the tenant sees them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from sooner.db import Database, Queries
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.following.listing import START, Position
from sooner.jobs.states import PUBLIC
from sooner.jobs.submitting.submit import Attach, Submission, Submitter

SQL = Queries("sooner.jobs.webhooks", "sql/deliveries.sql")

#: The event of a test.
TEST = "webhook.test"

_ANSWERED = re.compile(r"The endpoint answered (\d{3})\.")


def answered(status: int) -> str:
    """The sentence of a delivery that failed by the endpoint's answer."""
    return f"The endpoint answered {status}."


class Deliveries:
    """Lists and tests a webhook's deliveries. Every method raises Unavailable when the database is away."""

    def __init__(self, database: Database, submitter: Submitter, tester: JobActor) -> None:
        self._database = database
        self._submitter = submitter
        self._tester = tester

    async def page(
        self, webhook: UUID, limit: int, after: Position = START
    ) -> tuple[list[dict[str, Any]], Position | None]:
        """Up to `limit` deliveries to a webhook after a position, newest first, and the next page's position."""
        rows = await self._database.rows(
            SQL.page,
            webhook=str(webhook),
            before_at=after.created_at,
            before_id=after.id,
            limit=limit + 1,
        )
        return [_document(row) for row in rows[:limit]], _next(rows, limit)

    async def find(self, webhook: UUID, id: UUID) -> dict[str, Any] | None:
        """A delivery to the webhook; None where it is not there any more."""
        row = await self._database.row(SQL.find, webhook=str(webhook), id=id)
        return None if row is None else _document(row)

    async def test(self, webhook: UUID, id: UUID, *, request_id: str, traceparent: str) -> UUID:
        """Begin the delivery of a test event under an id; the result is the id of the test under way where there is one."""
        params = {"webhook": str(webhook)}
        submission = Submission(
            actor=self._tester,
            params=params,
            values=self._tester.check(params),
            tenant=None,
            request_id=request_id,
            traceparent=traceparent,
        )
        try:
            await self._submitter.submit(submission, id)
        except Attach as attach:
            return attach.id
        return id


def _next(rows: Sequence[Mapping[str, Any]], limit: int) -> Position | None:
    return (
        Position(rows[limit - 1]["created_at"], rows[limit - 1]["message_id"]) if len(rows) > limit else None
    )


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    """The delivery as clients read it. `status` is the endpoint's latest answer."""
    error = None if row["error"] is None else orjson.loads(row["error"])
    return {
        "id": str(row["message_id"]),
        "event": row["event"] or TEST,
        "job": None if row["job"] is None else str(row["job"]),
        "state": PUBLIC[row["state"]],
        "attempts": row["attempts"],
        "at": row["created_at"],
        "next_attempt_at": row["due_at"],
        "status": _status(error) if row["status"] is None else row["status"],
        "error": error,
    }


def _status(error: Mapping[str, Any] | None) -> int | None:
    found = None if error is None else _ANSWERED.fullmatch(error.get("detail") or "")
    return None if found is None else int(found[1])
