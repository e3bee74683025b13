"""Archives read as a worker reads them: test files and entries a second and processor, memory, and how long a cancelling takes."""

import asyncio
import json
import resource
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from src.inventory import process
from src.inventory.archives.archive import Archive
from tests.inventory.build import regular, tar, tar_of
from tests.inventory.test_sdists import sdist

DJANGO = "django-5.2.7.tar.gz"
#: Of 250 bytes and five tests each.
MANY = 99_000
SMALL = b"import pytest\n\n" + b"".join(
    b"def test_%d():\n    value = %d\n    assert value\n\n" % (n, n) for n in range(5)
)


class Reading(NamedTuple):
    """One archive read; `document` is the result."""

    document: dict[str, Any]
    bytes: int
    seconds: float
    processor_seconds: float
    most_mib: int


async def measure(row: Any) -> None:
    """Django's archive, its test files alone, and as many test files as an archive may hold."""
    django = sdist(DJANGO)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        read = await _read(django)
        _tell(row, "Django: entries", _entries(django), read)
        tests = _tests_of(django, read.document, folder / "tests.tar")
        _tell(row, "Django: test files alone", read.document["files"], await _read(tests))
        many = tar(folder / "many.tar", {f"p/d{n // 500}/test_{n}.py": SMALL for n in range(MANY)}, "w")
        milliseconds = await _cancelled(many)
        row("inventory cancelled", 1000 / milliseconds, milliseconds)
        _tell(row, f"{MANY:,} test files", MANY, await _read(many))


def _tell(row: Any, name: str, count: int, read: Reading) -> None:
    listed = len(read.document["entries"])
    note = (
        f"a processor; {read.processor_seconds:.1f} s of them, {read.seconds:.1f} s in all, {read.most_mib} MiB at most; "
        f"{read.document['tests']:,} tests, {listed:,} files listed in {read.bytes / 2**20:.1f} MiB"
    )
    row(f"inventory of {name}", count / read.processor_seconds, note=note)


async def _read(archive: Path) -> Reading:
    before, began = _spent(), time.perf_counter()
    watching = asyncio.create_task(_most_mib())
    document = await process.take(archive, progress=lambda *_: None)
    seconds, spent = time.perf_counter() - began, _spent() - before
    watching.cancel()
    return Reading(json.loads(document), len(document), seconds, spent, await watching)


async def _cancelled(archive: Path) -> float:
    """Milliseconds from the cancelling of a reading to the end of its processes."""
    told = asyncio.Event()
    reading = asyncio.create_task(process.take(archive, progress=lambda *_: told.set()))
    await told.wait()
    began = time.perf_counter()
    reading.cancel()
    await asyncio.wait([reading])
    return (time.perf_counter() - began) * 1000


async def _most_mib() -> int:
    """The most memory of any one process below this one, until cancelled."""
    most = 0
    try:
        while True:
            for child in psutil.Process().children(recursive=True):
                try:
                    most = max(most, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            await asyncio.sleep(0.05)
    except asyncio.CancelledError:
        return most // 2**20


def _spent() -> float:
    """Processor seconds of all the processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _entries(archive: Path) -> int:
    with tarfile.open(archive) as opened:
        return sum(1 for _ in opened)


def _tests_of(archive: Path, document: dict[str, Any], into: Path) -> Path:
    paths = {entry["path"] for entry in document["entries"]}
    with Archive(archive, paths.__contains__) as opened:
        files = [(regular(each.path, each.content), each.content) for each in opened]
    return tar_of(into, files, "w")
