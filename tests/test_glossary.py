"""The glossary names what is there."""

from __future__ import annotations

import re

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
