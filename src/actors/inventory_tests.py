import tempfile
from pathlib import Path
from typing import Annotated
from uuid import UUID

from dramatiq.asyncio import async_to_sync

from src import inventory
from src.inventory import ArchiveRefused, Inventory
from src.jobs import deposit, job, progress
from src.jobs.failure import Failure
from src.jobs.uploads import IsUpload


@job
def inventory_tests(upload: Annotated[UUID, IsUpload()]) -> Inventory:
    """Counts the tests of a repository's archive: files, suites, tests and their status, by framework and language."""
    with tempfile.TemporaryDirectory(prefix="sooner-") as folder:
        archive: Path = async_to_sync(deposit.fetch)(upload, Path(folder))
        try:
            return inventory.take(archive, progress=progress)
        except ArchiveRefused as refusal:
            raise Failure(refusal.detail, type=refusal.type, title="The archive is refused") from None
