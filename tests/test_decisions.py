"""The index of the decisions."""

from __future__ import annotations

import re

from tests.support import ROOT

FOLDER = ROOT / "ops" / "decisions"
LINE = re.compile(r"\| (?P<date>\d{4}-\d\d-\d\d) \| \[(?P<title>.+)\]\((?P<name>.+)\) \|")


def test_the_index_names_every_decision_by_its_title_and_in_order() -> None:
    lines = (FOLDER / "README.md").read_text().splitlines()
    entries = [match for line in lines if (match := LINE.fullmatch(line))]
    decisions = {path.name: path.read_text().splitlines()[0] for path in FOLDER.glob("*.md")}
    del decisions["README.md"]

    assert {entry["name"]: f"# {entry['title']}" for entry in entries} == decisions
    assert len(entries) == len(decisions)
    assert [entry["date"] for entry in entries] == sorted(entry["date"] for entry in entries)
