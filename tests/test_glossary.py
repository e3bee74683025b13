"""One word, one thing: the glossary names what is there, and no class has the name of another."""

from __future__ import annotations

import ast
import re
from collections import Counter

import pytest

from tests.support import ROOT

ENGINE = ROOT / "src" / "sooner"
ROW = re.compile(r"^\| ([\w -]+) \| (.+) \| `([\w/.]+)` \|$", re.MULTILINE)
TERMS = {row[1]: row for row in ROW.finditer((ROOT / "ops" / "docs" / "glossary.md").read_text())}


def stem(term: str) -> re.Pattern[str]:
    """The term in prose or in a name: `last chance`, `last_chances` and `LastChance` alike."""
    return re.compile(r"[ _-]?".join(map(re.escape, re.split("[ -]", term))), re.IGNORECASE)


def test_every_row_of_the_glossary_is_read() -> None:
    page = (ROOT / "ops" / "docs" / "glossary.md").read_text()
    rows = [
        line
        for line in page.splitlines()
        if line.startswith("|") and not line.startswith(("| word", "| ---"))
    ]
    assert len(rows) == len(TERMS) > 0


@pytest.mark.parametrize("term", TERMS)
def test_a_term_lives_where_the_glossary_says(term: str) -> None:
    _, meaning, file = TERMS[term].groups()
    assert stem(term).search((ENGINE / file).read_text()), f"{file} does not say {term!r}"
    assert re.fullmatch(r"[A-Z].*[.]", meaning), f"{term}: one sentence"


def test_no_two_classes_share_a_name() -> None:
    # The shapes of answers are called as the things that they show.
    files = [path for path in ENGINE.rglob("*.py") if path.name != "schemas.py"]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text())))
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []
