"""Archives over HTTP."""

import asyncio
from pathlib import Path
from typing import BinaryIO

import httpx
from pydantic import SecretStr

from sooner.outgoing import Network, briefly
from src.sources.failure import too_large
from src.sources.progress import Progress
from src.sources.token import bearer

MIB = 1024 * 1024
MOST_BYTES = 200 * MIB


async def download(
    network: Network, address: httpx.URL, folder: Path, token: SecretStr | None, progress: Progress
) -> Path:
    """An archive as a file in `folder`, at most MOST_BYTES long; tried again where that may help.

    Raises SourceFailed, Refused and what httpx raises.
    """
    path = folder / "download"
    # What is packed stays packed: an archive's own compression is for its reader, who bounds it.
    headers = {"Accept-Encoding": "identity", **({"Authorization": bearer(token)} if token else {})}
    async with network.client(follow_redirects=True, headers=headers) as client:
        await briefly()(_download, client, address, path, progress)
    return path


async def _download(client: httpx.AsyncClient, address: httpx.URL, path: Path, progress: Progress) -> None:
    async with client.stream("GET", address) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0))
        if total > MOST_BYTES:
            raise too_large(MOST_BYTES)
        file = await asyncio.to_thread(path.open, "wb")
        try:
            await _copy(response, file, total, progress)
        finally:
            await asyncio.to_thread(file.close)


async def _copy(response: httpx.Response, file: BinaryIO, total: int, progress: Progress) -> None:
    done = 0
    async for piece in response.aiter_raw(MIB):
        done += len(piece)
        if done > MOST_BYTES:
            raise too_large(MOST_BYTES)
        await asyncio.to_thread(file.write, piece)
        progress(min(1.0, done / total) if total else None, f"{done / MIB:,.1f} MiB fetched")
