"""Handles: a handle is a program's access to one job."""

from collections.abc import AsyncIterator
from typing import Any, Protocol
from uuid import UUID

from sooner.jobs import codec
from sooner.jobs.context import waiting
from sooner.jobs.following.document import as_value
from sooner.jobs.row import Job
from sooner.jobs.states import State


class JobError(Exception):
    """The awaited job has failed or was cancelled; `document` is its job document."""

    def __init__(self, document: dict[str, Any]) -> None:
        error = document["error"] or {"type": "cancelled", "title": "The job was cancelled", "detail": None}
        self.document = document
        self.type: str = error["type"]
        self.title: str = error["title"]
        self.detail: str | None = error["detail"]
        super().__init__(f"{document['actor']} {document['id']}: {self.type}: {self.detail or self.title}")


class Follower(Protocol):
    """The follower behind a handle."""

    async def job(self, id: UUID) -> Job: ...
    async def final(self, id: UUID) -> Job: ...
    def changes(self, id: UUID) -> AsyncIterator[Job]: ...
    async def cancel(self, id: UUID) -> State: ...


class Handle:
    """One job. Every method raises LookupError where the job does not exist (any more), Unavailable when the database is away."""

    __slots__ = ("_follower", "id")

    def __init__(self, id: UUID, follower: Follower) -> None:
        self.id = id
        self._follower = follower

    def __repr__(self) -> str:
        return f"Handle({str(self.id)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    async def document(self) -> dict[str, Any]:
        """The job document as it is now. Its addresses are not signed: they need a key."""
        return as_value(await self._follower.job(self.id))

    async def result(self) -> Any:
        """Wait for the job's end; the result is the job's. Raises JobError where the job failed or was cancelled."""
        with waiting():
            job = await self._follower.final(self.id)
        if job.state is not State.DONE:
            raise JobError(as_value(job))
        return None if job.result is None else codec.loads(job.result)

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """The job document, at once and at each change, up to the final document."""
        async for job in self._follower.changes(self.id):
            yield as_value(job)

    async def cancel(self) -> str:
        """Cancel a waiting job, or ask for the end of a running job; the result is the state now. Raises WrongState for a final job."""
        return str(await self._follower.cancel(self.id))
