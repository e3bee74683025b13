"""What actors read of their tenant's uploads."""

import tempfile
from pathlib import Path
from uuid import UUID

from src.db import Database
from src.jobs.context import current
from src.jobs.failure import Failure
from src.jobs.uploads import Uploads

_uploads: Uploads | None = None


def open(database: Database) -> None:
    """Say where uploads lie. The worker does so once when it begins."""
    global _uploads
    _uploads = Uploads(database, retention_seconds=0)


async def fetch(upload: UUID, folder: Path) -> Path:
    """An upload of the running job's tenant as a file in `folder`. Raises Failure where there is none."""
    if _uploads is None:
        raise RuntimeError("uploads are read in a worker")
    if await _uploads.find(upload, current().tenant) is None:
        raise Failure(f"There is no upload {upload}.", type="unknown-upload", title="The upload is not there")
    path = Path(tempfile.mkstemp(dir=folder)[1])
    with path.open("wb") as file:
        async for piece in _uploads.read(upload):
            file.write(piece)
    return path
