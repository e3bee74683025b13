"""Scratch folders of jobs: removed with the job, or at a later start where the process was killed.

A process locks its folders (flock(2)), and a lock ends with its process: an unlocked folder belongs to a dead process.
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
    """A folder for one block of a job's code, removed when the block ends: `async with scratch_folder() as folder`."""
    # Made on this thread, which is quick: another thread would leave the folder behind where the job is cancelled meanwhile.
    path, lock = _make()
    try:
        yield path
    finally:
        try:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        finally:
            os.close(lock)


def sweep() -> None:
    """Remove the folders that dead processes of this user left behind."""
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with contextlib.suppress(OSError):
            _remove_unlocked(path)


def _make() -> tuple[Path, int]:
    new = Path(tempfile.mkdtemp(prefix="sooner-new-"))
    lock = _locked(new)
    # The folder is locked before it gets the name that `sweep` looks for.
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
