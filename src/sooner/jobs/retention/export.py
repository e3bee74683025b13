"""The export of a tenant's jobs, as a stream."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from sooner.db import Database, Queries
from sooner.jobs.files.files import File
from sooner.jobs.following.document import facts_line
from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.row import Job

SQL = Queries("sooner.jobs.retention", "sql/export.sql")

BATCH = 200
BATCH_BYTES = 1 << 20
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
NIL = UUID(int=0)


class Export:
    """Reads one tenant's jobs since a time, with the memory of one batch.

    `itself` is the exporting job. Every method raises Unavailable when the database is away.
    """

    def __init__(self, database: Database, tenant: str, since: datetime | None, itself: UUID) -> None:
        self._database = database
        self._tenant = tenant
        self._since = since or BEGINNING
        self._itself = itself

    async def jobs(self) -> AsyncIterator[tuple[int, bytes]]:
        """Job documents, one a line, oldest first, in batches with the number of their lines."""
        at, id = self._since, NIL
        while True:
            rows = await self._database.rows(
                SQL.batch,
                tenant=self._tenant,
                after_at=at,
                after_id=id,
                exporting=self._itself,
                limit=BATCH,
                most=BATCH_BYTES,
            )
            if not rows:
                return
            at, id = rows[-1]["created_at"], rows[-1]["message_id"]
            found = await self._database.rows(READ.jobs, ids=[row["message_id"] for row in rows])
            jobs = sorted(map(Job.read, found), key=lambda job: (job.created_at, job.id))
            yield len(jobs), b"".join(map(facts_line, jobs))

    async def files(self) -> AsyncIterator[tuple[UUID, File]]:
        """The jobs whose result is a file, and the files."""
        after = NIL
        while rows := await self._database.rows(
            SQL.files, tenant=self._tenant, since=self._since, after=after
        ):
            for row in rows:
                yield row["job"], File.of(row)
            after = rows[-1]["id"]
