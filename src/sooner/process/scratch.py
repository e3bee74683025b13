"""Folders for what a job needs on disk for a while: gone with it, and where its process was killed, with the next one's start.

The process that works in a folder locks it (flock(2)), and a lock ends with its process: a folder without is a dead one's.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sooner.process import logs

log = logs.get(__name__)

PREFIX = "sooner-work-"


@asynccontextmanager
async def folder() -> AsyncIterator[Path]:
    """A folder that nobody else reads."""
    # On this very thread: it is next to nothing, and a thread would leave the folder of a job that was cancelled meanwhile.
    path, lock = _make()
    try:
        yield path
    finally:
        try:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        finally:
            os.close(lock)


def sweep() -> None:
    """Remove the folders that this user's dead processes left."""
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            _remove_unlocked(path)


def _make() -> tuple[Path, int]:
    new = Path(tempfile.mkdtemp(prefix="sooner-new-"))
    lock = _locked(new)
    # Under its name it is locked from the beginning.
    return new.rename(new.with_name(PREFIX + new.name.removeprefix("sooner-new-"))), lock


def _locked(path: Path) -> int:
    """The descriptor that holds the lock. Raises OSError where another process has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_unlocked(path: Path) -> None:
    if path.lstat().st_uid != os.geteuid():
        return
    lock = _locked(path)
    try:
        shutil.rmtree(path)
        log.info("leftover of a dead process removed", folder=str(path))
    finally:
        os.close(lock)
