"""Two archives, compared by the names of their tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from src.inventory import comparison, process
from src.inventory.comparison import Comparing
from src.inventory.survey import survey
from tests.inventory.build import TEST, tar

if TYPE_CHECKING:
    from pathlib import Path

JS = "import {{ test }} from 'vitest';\n{}"
SKIPPED, RUN = "test.skip('a', () => {});\n", "test('a', () => {});\n"


async def compared(folder: Path, then: dict[str, bytes], now: dict[str, bytes]) -> dict[str, Any]:
    base = process.Base(tar(folder / "then", then), "-v 1", None)
    told: list[float] = []
    document = json.loads(
        await process.take(
            tar(folder / "now", now), base=base, progress=lambda fraction, _: told.append(fraction)
        )
    )
    assert told == sorted(told)
    found: dict[str, Any] = document["comparison"]
    return found


@pytest.mark.parametrize(
    ("then", "now", "added", "removed", "newly_skipped"),
    [
        (RUN, RUN, 0, 0, 0),
        (RUN, SKIPPED, 0, 0, 1),
        (SKIPPED, RUN, 0, 0, 0),
        (RUN, RUN + SKIPPED, 1, 0, 0),
        (RUN + RUN, RUN + SKIPPED, 0, 0, 1),
        (RUN + SKIPPED, SKIPPED, 0, 1, 0),
        (RUN + RUN, SKIPPED, 0, 1, 1),
        ("", SKIPPED, 1, 0, 0),
        (SKIPPED, SKIPPED + SKIPPED, 1, 0, 0),
    ],
)
def test_a_file_with_several_cases_of_one_name(
    tmp_path: Path, then: str, now: str, added: int, removed: int, newly_skipped: int
) -> None:
    base, found = (
        survey(tar(tmp_path / name, {"a.test.js": JS.format(text).encode()}))
        for name, text in (("then", then), ("now", now))
    )
    comparing = Comparing("v1", base, found)
    found.document(comparing.noted(found.entries), [])
    differences = comparing.document()
    assert "unlisted" not in differences
    assert [len(differences[name]) for name in ("added", "removed", "newly_skipped")] == [
        added,
        removed,
        newly_skipped,
    ]


async def test_files_come_go_and_change_their_framework(tmp_path: Path) -> None:
    then = {"a_test.py": TEST, "test_z.py": TEST, "test_same.py": TEST}
    now = {
        "test_b.py": TEST,
        "test_same.py": b"import unittest\n" + TEST,
        "web/a.test.js": (JS.format(RUN)).encode(),
    }
    assert await compared(tmp_path, then, now) == {
        "ref": "-v 1",
        "commit": None,
        "added": [{"path": "test_b.py", "name": "test_one"}, {"path": "web/a.test.js", "name": "a"}],
        "removed": [{"path": "a_test.py", "name": "test_one"}, {"path": "test_z.py", "name": "test_one"}],
        "newly_skipped": [],
    }


async def test_a_file_that_cannot_be_read_is_neither_gone_nor_new(tmp_path: Path) -> None:
    then = {"test_a.py": b"def (", "test_b.py": TEST}
    now = {"test_a.py": TEST, "test_b.py": b"def ("}
    found = await compared(tmp_path, then, now)
    assert (found["added"], found["removed"]) == ([], [])


@pytest.mark.parametrize(
    ("path", "broken", "whole"),
    [
        ("src/lib.rs", b"fn (((]]]\n#[test\n", b"#[test]\nfn a() {}\n"),
        ("checks/shop.rb", b"class A < TestCase\n" + b"#" * (1 << 20), b"class A < TestCase\n  def test_a; end\nend\n"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_read_need_not_be_named_like_a_test(
    tmp_path: Path, path: str, broken: bytes, whole: bytes
) -> None:
    for number, (then, now) in enumerate(((broken, whole), (whole, broken))):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = await compared(folder, {path: then, "test_a.py": TEST}, {path: now, "test_b.py": TEST})
        assert [each["path"] for each in found["added"] + found["removed"]] == ["test_b.py", "test_a.py"]


async def test_without_a_base_there_is_no_comparison(tmp_path: Path) -> None:
    document = json.loads(
        await process.take(tar(tmp_path / "a", {"test_a.py": TEST}), progress=lambda *_: None)
    )
    assert "comparison" not in document


def test_long_lists_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "LIST_BYTES", 1_000)
    base = survey(tar(tmp_path / "then", {"test_a.py": TEST}))
    found = survey(tar(tmp_path / "now", {f"test_{n}.py": TEST for n in range(100)}))
    comparing = Comparing("v1", base, found)
    found.document(comparing.noted(found.entries), [])
    document = comparing.document()
    listed = document["added"]
    assert (len(json.dumps(listed)) < 1_100, 0 < len(listed) < 100) == (True, True)
    assert document["unlisted"] == {"added": 100 - len(listed), "removed": 0, "newly_skipped": 0}
    assert listed[0] == {"path": "test_0.py", "name": "test_one"}
