from datetime import UTC, datetime

from pydantic import AwareDatetime

from sooner.jobs import current, job, progress, worker_resources
from sooner.jobs.failure import Failure
from sooner.jobs.files import files
from sooner.jobs.files.blobs import Blobs
from sooner.jobs.files.files import FileResult, Files
from sooner.jobs.files.zipstream import ZipStream
from sooner.jobs.retention.export import Export


@job
async def export_archive(since: AwareDatetime | None = None) -> FileResult:
    """Makes a ZIP of all jobs since a time, with their results: `jobs.ndjson`, one job document a line, oldest
    first, and under `files/` the results that are files.
    """
    me = current()
    if me.tenant is None:
        raise Failure("An archive is made for a tenant.", type="no-tenant", title="There is no tenant")
    export = Export(worker_resources.database(), me.tenant, since, me.id)
    name = f"sooner-{datetime.now(UTC):%Y-%m-%d}.zip"
    async with files.create(name, "application/zip") as file:
        archive = ZipStream(file)
        await _add_jobs(archive, export)
        await _add_files(archive, export)
        await archive.end()
    return file.result


async def _add_jobs(archive: ZipStream, export: Export) -> None:
    exported = 0
    async with archive.member("jobs.ndjson") as member:
        async for count, lines in export.jobs():
            await member.write(lines)
            exported += count
            progress(message=f"{exported} jobs")


async def _add_files(archive: ZipStream, export: Export) -> None:
    database = worker_resources.database()
    stored = Files(database, Blobs(database, worker_resources.stores()))
    async for id, file in export.files():
        async with archive.member(f"files/{id}/{file.name}") as member:
            async for piece in stored.read(file, 0, file.bytes):
                await member.write(piece)
        progress(message=f"file {file.name}")
