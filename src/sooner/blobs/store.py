"""A store of objects: a folder, or a bucket of S3, Google Cloud Storage or Azure."""

import asyncio
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from obstore.store import ObjectStore

#: S3 takes up to 10,000 parts of an object, each but the last of 5 MiB or more.
PART_BYTES = 8 << 20
PARTS_AT_ONCE = 2
PIECE_BYTES = 1 << 18
CONNECT_SECONDS = 5
#: S3 may take minutes to put a large object's parts together, and says so in between.
SILENT_SECONDS = 60
REQUEST_SECONDS = 600


class StoreAway(Exception):
    """The store cannot be reached or refuses this process; the same call may succeed later."""


class BlobGone(LookupError):
    """What was to be read is not there any more."""


class Store:
    """The store at an address; calls try again for some seconds while it is away, then raise StoreAway.

    Raises StoreAway where the address cannot be opened with this process's environment.
    """

    def __init__(self, url: str, *, patience_seconds: float) -> None:
        self.url = url
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        with self._errors():
            self._objects = _opened(url, patience_seconds)

    async def put(self, key: str, content: bytes | AsyncIterable[bytes]) -> None:
        """Store an object; a stream goes in parts. An exception of the stream ends the call, and nothing is stored."""
        import obstore

        await self._look()
        try:
            with self._errors():
                await obstore.put_async(
                    self._objects, key, content, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
                )
        except FileNotFoundError:
            raise self._away("there is no such bucket") from None

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """An object's bytes from `start` up to `stop`, in pieces. Raises BlobGone."""
        while start < stop:
            began = start
            try:
                async for piece in self._stream(key, start, stop):
                    start += len(piece)
                    yield piece
            except StoreAway:
                # A slow reader's connection may be cut: the next request goes on from here.
                if start == began:
                    raise
            except FileNotFoundError:
                await self._look()
                raise BlobGone(f"{self.url} has no object {key}") from None
            else:
                if start == began:
                    raise BlobGone(f"{self.url} has a shorter object {key}")

    async def _stream(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        import obstore

        with self._errors():
            if self._folder is not None:
                # obstore streams a file in pieces of 8 KiB.
                end = min(stop, start + PIECE_BYTES)
                yield bytes(await obstore.get_range_async(self._objects, key, start=start, end=end))
                return
            found = await obstore.get_async(self._objects, key, options={"range": (start, stop)})
            async for piece in found.stream(PIECE_BYTES):
                yield piece

    async def remove(self, key: str) -> None:
        """Remove an object, where it is there."""
        import obstore

        await self._look()
        with self._errors(), suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, key)
        if self._folder is not None:
            await asyncio.to_thread(_remove_unfinished, self._folder / key)

    async def _look(self) -> None:
        # obstore would make the folder anew where a disk is not mounted.
        if self._folder is not None and not await asyncio.to_thread(self._folder.is_dir):
            raise self._away("the folder is not there")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Tell a store that is away from an object that is not there, which is a FileNotFoundError."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._away("there is no such bucket") from None
            raise
        except BaseError as error:
            # What follows the first line, and queries, may hold signatures.
            raise self._away(re.sub(r"\?\S*", "", str(error).partition("\n")[0])) from None

    def _away(self, why: str) -> StoreAway:
        return StoreAway(f"{self.url}: {why}")


def _opened(url: str, patience_seconds: float) -> "ObjectStore":
    from obstore.store import from_url

    if url.startswith("file:"):
        return from_url(url)
    return from_url(
        url,
        client_options={
            "allow_http": True,
            "timeout": timedelta(seconds=REQUEST_SECONDS),
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "read_timeout": timedelta(seconds=SILENT_SECONDS),
        },
        retry_config={"retry_timeout": timedelta(seconds=patience_seconds)},
    )


def _remove_unfinished(path: Path) -> None:
    """Remove what a process that was killed left of an object: obstore writes beside the object first."""
    for file in path.parent.glob(f"{path.name}#*"):
        file.unlink(missing_ok=True)
