"""The way by which actors read uploads."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

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
    # The same upload may be fetched twice, also at the same time.
    part = folder / f"{upload}.{uuid4().hex}"
    try:
        if found is None:
            raise BlobGone(upload)
        await asyncio.to_thread(part.touch)
        async for piece in uploads.read(found):
            await asyncio.to_thread(_append, part, piece)
    except BlobGone:
        detail = f"There is no upload {upload}."
        raise Failure(detail, type="unknown-upload", title="The upload is not there") from None
    return await asyncio.to_thread(part.replace, folder / str(upload))


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
