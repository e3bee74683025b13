"""The actions of people on jobs: cancel, retry, resolve."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from sooner.db import Database
from sooner.db.retry import briefly
from sooner.jobs.problem import NoSuchActor, WrongState
from sooner.jobs.states import PUBLIC, State
from sooner.queue.transitions import TRANSITIONS

OVERDUE_BATCH = 200


class Actions:
    """Cancels, retries and resolves jobs. Every method raises Unavailable when the database is away, and TenantMoves.

    `actors` are the names of this deployment's actors.
    """

    def __init__(self, database: Database, actors: Collection[str], *, retention_seconds: float) -> None:
        self._database = database
        self._actors = list(actors)
        self._retention_seconds = retention_seconds

    async def cancel(self, id: UUID) -> State:
        """Cancel a waiting job, or ask the worker of a running job to stop it; the result is the state now.

        Raises WrongState for a final job.
        """
        row = await self._database.row(TRANSITIONS.cancel, id=id, retention=self._retention_seconds)
        if row is None:
            raise WrongState("The job is final: there is nothing left to cancel.")
        return PUBLIC[row["state"]]

    async def retry(self, id: UUID) -> None:
        """Put a failed job back into its queue; its count of attempts goes on.

        Raises WrongState, and NoSuchActor where no worker would run it.
        """
        try:
            row = await self._database.row(
                TRANSITIONS.retry, id=id, actors=self._actors, retention=self._retention_seconds
            )
        except asyncpg.UniqueViolationError:
            raise WrongState(
                "A job like it waits or runs, and its actor allows one at a time (unique): retry when that has ended."
            ) from None
        if row is None:
            raise WrongState("Only a job in state error can be retried.")
        if not row["is_known"]:
            raise NoSuchActor(
                f"Neither this deployment nor any living worker has the actor {row['actor']!r}: deploy it, then retry."
            )

    async def resolve(self, id: UUID, note: str | None) -> None:
        """Mark a failed job as dealt with; its error keeps the note. Raises WrongState."""
        if await self._database.row(TRANSITIONS.resolve, id=id, note=note) is None:
            raise WrongState("Only a job in state error can be resolved.")

    async def abandon(self, id: UUID, *, even_running: bool) -> None:
        """Cancel the job of a client that hung up, if the job still waits, or also if it runs.

        Raises Unavailable when the database stays away.
        """
        query = TRANSITIONS.cancel if even_running else TRANSITIONS.cancel_waiting
        async for attempt in briefly():
            with attempt:
                await self._database.run(query, id=id, retention=self._retention_seconds)

    async def cancel_overdue(self) -> int:
        """Cancel the jobs whose `Cancel-After` has passed, also those that a dead worker holds; the result is their number."""
        total = 0
        while True:
            row = await self._database.row(
                TRANSITIONS.cancel_overdue, retention=self._retention_seconds, most=OVERDUE_BATCH
            )
            found = 0 if row is None else int(row["cancelled"])
            total += found
            if found < OVERDUE_BATCH:
                return total
