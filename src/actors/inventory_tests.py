import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, cast
from uuid import UUID

from src.inventory import Inventory, process
from src.jobs import codec, deposit, job, progress
from src.jobs.failure import Failure
from src.jobs.uploads import IsUpload


@job(time_limit=600)
async def inventory_tests(upload: Annotated[UUID, IsUpload()]) -> Inventory:
    """Counts the tests of a repository's archive: files, suites, tests and their status, by framework and language."""
    async with _folder() as folder:
        return await _inventory(await deposit.fetch(upload, folder))


async def _inventory(archive: Path) -> Inventory:
    try:
        return cast(Inventory, codec.written(await process.take(archive, progress=progress)))
    except process.InventoryFailed as failed:
        raise Failure(failed.detail, type=failed.type, title=failed.title) from None


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="sooner-")
    try:
        yield Path(folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
