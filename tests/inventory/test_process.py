"""Reading in a process of its own: what ends it, and what is told of that."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from sooner.process.child import Bounds
from src.inventory import process, take
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
        (QUADRATIC, Bounds(cpu_seconds=1), "inventory-too-costly"),
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
