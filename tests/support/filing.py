"""Actors that read uploads and make files."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from tenacity import wait_none

from sooner import FileResult, Upload, create_file, fetch_upload, job, progress
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]

PIECE = hashlib.shake_256(b"noise").digest(1 << 20)


@job(retries=1, wait=wait_none())
async def noise(pieces: int, endless: bool = False) -> FileResult:
    """Makes a file of so many MiB; endless, it then waits."""
    async with create_file("noise.bin", "application/x-noise") as file:
        for _ in range(pieces):
            await file.write(PIECE)
        progress(message="written")
        if endless:
            await asyncio.sleep(600)
    return file.result


@job
async def digest(upload: Upload) -> str:
    """The SHA-256 of an upload, as a worker reads it."""
    with TemporaryDirectory() as folder:
        path = await fetch_upload(upload, Path(folder))
        return hashlib.sha256(path.read_bytes()).hexdigest()
