"""The way by which actors read uploads."""

import asyncio
from pathlib import Path
from uuid import UUID

from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.jobs.failure import Failure
from sooner.jobs.files.uploads import Uploads


async def fetch_upload(upload: UUID, folder: Path) -> Path:
    """Write an upload of the running job's tenant to a file in `folder`. Raises Failure where there is no such upload."""
    uploads = Uploads(worker_resources.database(), retention_seconds=0)
    if await uploads.find(upload, current().tenant) is None:
        raise Failure(f"There is no upload {upload}.", type="unknown-upload", title="The upload is not there")
    path = folder / str(upload)
    await asyncio.to_thread(path.touch)
    async for piece in uploads.read(upload):
        await asyncio.to_thread(_append, path, piece)
    return path


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
