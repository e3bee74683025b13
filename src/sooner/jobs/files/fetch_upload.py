"""The way by which actors read uploads."""

import asyncio
from pathlib import Path
from uuid import UUID

from sooner.blobs import BlobGone
from sooner.jobs import worker_resources
from sooner.jobs.context import current
from sooner.jobs.failure import Failure
from sooner.jobs.files.blobs import Blobs
from sooner.jobs.files.uploads import Uploads


async def fetch_upload(upload: UUID, folder: Path) -> Path:
    """Write an upload of the running job's tenant to a file in `folder`. Raises Failure where there is no such upload."""
    database = worker_resources.database()
    uploads = Uploads(database, Blobs(database, worker_resources.stores()), retention_seconds=0)
    found = await uploads.find(upload, current().tenant)
    path = folder / str(upload)
    try:
        if found is None:
            raise BlobGone(upload)
        await asyncio.to_thread(path.touch)
        async for piece in uploads.read(found):
            await asyncio.to_thread(_append, path, piece)
    except BlobGone:
        detail = f"There is no upload {upload}."
        raise Failure(detail, type="unknown-upload", title="The upload is not there") from None
    return path


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
