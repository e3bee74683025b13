"""Files that tree-sitter parses: what one of them costs the others."""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from src.inventory import take
from src.inventory.javascript.language import Facts, JavaScript
from src.inventory.languages import LANGUAGES
from src.inventory.syntax import parsing
from src.inventory.syntax.facts import joined, strongest
from src.inventory.syntax.language import ParsedLanguage
from tests.inventory.build import inventory_of, tar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from src.inventory import Inventory

TEST = b"it('adds', () => {})\n"


def reasons(document: Inventory) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in document["unreadable"]}


@pytest.mark.parametrize(
    ("bound", "reason"),
    [
        ("PARSE_SECONDS", "takes more than -1 s of processor time to parse"),
        ("PARSE_MIB", "needs more than -1 MiB of memory to parse"),
    ],
)
def test_a_parse_has_bounds(monkeypatch: pytest.MonkeyPatch, bound: str, reason: str) -> None:
    monkeypatch.setattr(parsing, bound, -1)
    assert reasons(inventory_of({"a.test.js": TEST * 5000})) == {"a.test.js": reason}


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (os.abort, "needs more memory than there is to parse"),
        (lambda: os.kill(os.getpid(), 11), "crashes the parser"),
        (lambda: bytearray(1 << 60), "is too much for the parser"),
    ],
    ids=["out of memory", "crash", "memory error"],
)
def test_a_file_that_ends_its_child_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: Callable[[], object], reason: str
) -> None:
    read = JavaScript.facts

    def facts(self: JavaScript, path: str, content: bytes) -> Facts | None:
        if path == "b.test.js":
            faulthandler.disable()
            end()
        return read(self, path, content)

    monkeypatch.setattr(JavaScript, "facts", facts)
    files = {f"{name}.test.js": TEST for name in "abcde"}
    document = take(tar(tmp_path / "a", files), processes=1)
    assert reasons(document) == {"b.test.js": reason}
    assert document["tests"] == 4


def test_a_file_that_does_not_parse_is_told_if_nothing_is_found_in_it() -> None:
    document = inventory_of(
        {
            "none.test.js": "const a = 1;\nit(((((]]]\n",
            "some.test.js": "it('adds', () => {});\nfoo(((((]]]\n",
            "helper.js": "it(((((]]]\n",
        }
    )
    assert reasons(document) == {"none.test.js": "line 2: does not parse"}
    assert [entry["path"] for entry in document["entries"]] == ["some.test.js"]


def test_no_grammar_is_loaded_before_a_file_needs_it() -> None:
    code = (
        "import sys, src.inventory; print([name for name in sys.modules if name.startswith('tree_sitter_')])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    document = inventory_of({"a.test.js": "// é\nit('é', () => {})\n".encode(encoding)})
    assert document["entries"][0]["cases"] == [{"name": "é", "line": 2, "status": "active"}]


def test_what_others_wrote_is_left_out() -> None:
    files = dict.fromkeys(("p/node_modules/a.test.js", "p/.git/a.test.js", "p/src/a.test.js"), TEST)
    assert [entry["path"] for entry in inventory_of(files)["entries"]] == ["p/src/a.test.js"]
    files = dict.fromkeys(("node_modules/a.test.js", "src/a.test.js"), TEST)
    assert [entry["path"] for entry in inventory_of(files)["entries"]] == ["src/a.test.js"]


def test_entries_of_all_languages_are_sorted_by_path() -> None:
    files = {"b/test_x.py": b"def test_a(): ...\n", "a.test.js": TEST, "c.test.js": TEST}
    document = inventory_of(files)
    assert [entry["path"] for entry in document["entries"]] == sorted(
        ["b/test_x.py", "a.test.js", "c.test.js"]
    )
    assert set(document["by_language"]) == {"python", "javascript"}


def test_names_are_bounded() -> None:
    assert joined(["a", "b\n  c"], "d") == "a::b c::d"
    assert len(joined(["x" * 1000] * 9, "y" * 1000)) == 500


def test_of_two_statuses_the_one_that_runs_less() -> None:
    assert strongest("focused", "skipped", "active") == "skipped"
    assert strongest() == "active"


@pytest.mark.parametrize(
    "language", [each for each in LANGUAGES if isinstance(each, ParsedLanguage)], ids=lambda each: each.name
)
def test_to_see_whether_a_file_may_hold_tests_takes_time_by_its_length(language: ParsedLanguage[Any]) -> None:
    # The parent looks: a pattern that tries each place again for what follows it would end the whole inventory.
    units = (
        "s",
        ":",
        ":s",
        ": ",
        "class ",
        " ",
        "class s",
        "#[",
        "# ",
        "mod a ",
        "class A<",
        "a!\n",
        f":{' ' * 999}",
    )
    started = time.process_time()
    for unit in units:
        language.is_needed(f"a{language.endings[0]}", unit.encode() * (300_000 // len(unit)))
    assert time.process_time() - started < 3
