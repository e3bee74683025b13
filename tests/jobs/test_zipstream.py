"""Archives as streams."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from sooner.jobs.files.blobs import BlobWriter
from sooner.jobs.files.files import FileWriter
from sooner.jobs.files.zipstream import ZipStream


async def test_an_archive_that_waits_for_its_content_holds_no_thread() -> None:
    """Else as many archives as there are threads stop all that needs one, as the look-up of the database's name."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    kept: list[bytes] = []

    async def keep(piece: bytes) -> None:
        kept.append(piece)

    archive = ZipStream(FileWriter(BlobWriter(keep), UUID(int=0), "a.zip", "application/zip"))

    async with asyncio.timeout(20), archive.member("a") as member:
        content = await asyncio.to_thread(hashlib.sha256, b"a")
        await member.write(content.digest())
    await archive.end()
