"""Reading in a process of its own: what ends it, and what is told of that."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sooner.process.child import Bounds
from src.inventory import listing, process, take
from src.inventory.survey import survey
from tests.inventory.build import TEST, tar

if TYPE_CHECKING:
    from pathlib import Path

QUADRATIC = b'f"' + b"{a}" * 300_000 + b'"\n'


def told(_fraction: float, _message: str) -> None:
    """Nobody listens."""


async def test_the_document_is_the_one_of_take(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", {"test_a.py": TEST})
    assert json.loads(await process.take(archive, progress=told, commit="abc")) == take(archive, commit="abc")


@pytest.mark.parametrize(
    ("source", "bounds", "type"),
    [
        (TEST, Bounds(output_bytes=500), "inventory-too-large"),
    ],
)
async def test_bounds(
    source: bytes, bounds: Bounds, type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "BOUNDS", bounds)
    archive = tar(tmp_path / "a", {f"test_{n}.py": source for n in range(9)})
    with pytest.raises(process.InventoryFailed) as failed:
        await process.take(archive, progress=told)
    assert failed.value.type == type
    assert failed.value.title
    assert failed.value.detail


async def test_what_cannot_be_opened_is_told_as_broken(tmp_path: Path) -> None:
    with pytest.raises(process.InventoryFailed) as failed:
        await process.take(tmp_path / "nothing", progress=told)
    assert failed.value.type == "inventory-broken"


async def test_many_at_once_wait_for_each_other(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", {"test_a.py": TEST})
    documents = await asyncio.gather(*(process.take(archive, progress=told) for _ in range(6)))
    assert len(set(documents)) == 1


async def test_a_file_that_takes_too_long_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "BOUNDS", Bounds(cpu_seconds=1))
    sources = {"test_slow.py": QUADRATIC, "test_slow_too.py": QUADRATIC, "test_z.py": TEST}
    document = json.loads(await process.take(tar(tmp_path / "a", sources), progress=told))

    assert (document["files"], document["tests"]) == (1, 1)
    reason = "takes more than 1 s of processor time to read"
    assert document["unreadable"] == [
        {"path": "test_slow.py", "reason": reason},
        {"path": "test_slow_too.py", "reason": reason},
    ]


async def test_a_large_file_is_read_as_any_other(tmp_path: Path) -> None:
    source = TEST + b"# " + b"x" * 100_000 + b"\nclass TestMore:\n    def test_two(self): ...\n"
    broken = b"def (" + b"x" * 100_000
    archive = tar(tmp_path / "a", {"test_a.py": source, "test_b.py": broken})
    document = json.loads(await process.take(archive, progress=told))

    assert document == take(archive)
    assert (document["tests"], document["suites"]) == (2, 1)
    assert document["unreadable"][0]["reason"].startswith("line 1: ")


async def test_a_chain_of_classes_takes_time_by_its_length(tmp_path: Path) -> None:
    chain = "class Test0:\n def test_a(self): 0\n" + "".join(
        f"class T{n}(T{n - 1}):0\n" for n in range(1, 25_000)
    )
    sources = {f"test_{n}.py": chain.replace("T0", "Test0").encode() for n in range(3)}
    document = json.loads(await process.take(tar(tmp_path / "a", sources), progress=told))

    assert (document["tests"], document["unreadable"]) == (3, [])


async def test_what_a_document_cannot_hold_is_counted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"p/test_{n}.py": TEST if n % 10 else b"(" for n in range(300)}
    found = survey(tar(tmp_path / "a", files))
    monkeypatch.setattr(listing, "FULL_BYTES", 10_000)
    monkeypatch.setattr(listing, "MOST_BYTES", 20_000)
    monkeypatch.setattr(listing, "OTHER_BYTES", 1_000)
    written = listing.Listing()
    document = written.document(found)
    entries = [json.loads(line) for line in written.lines]
    full = [entry for entry in entries if entry["cases"]]

    assert (document["files"], document["tests"], document["by_status"]["active"]) == (270, 270, 270)
    assert sum(len(line) for line in written.lines) < 20_000
    assert 0 < len(full) < len(entries) < 270
    assert entries[: len(full)] == full
    assert {entry["tests"] for entry in entries} == {1}
    assert document["unlisted"] == {
        "files": 270 - len(entries),
        "tests": 270 - len(full),
        "unreadable": 30 - len(document["unreadable"]),
        "undecided": 0,
    }
    assert 0 < len(document["unreadable"]) < 30
