"""Named queries share text as parts, and a file whose parts do not fit is refused as it is loaded."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

from sooner.db import Queries
from tests.support import ROOT

COLUMNS = "-- part: columns\n-- The columns.\nid, name\n\n"
ONE = "-- name: one\n-- One row.\nselect {{columns}} from visitor where id = :id;\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package for .sql files."""
    package = tmp_path / "queries_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, package.name, raising=False)
    return package


def load(folder: Path, text: str) -> Queries:
    (folder / "some.sql").write_text(text)
    return Queries(folder.name, "some.sql")


def test_a_part_stands_wherever_it_is_used(folder: Path) -> None:
    row = "-- part: row\n-- A row.\nselect {{columns}}, :more as more\n\n"
    queries = load(folder, COLUMNS + row + ONE + "-- name: all\n-- All rows.\n{{row}} from visitor;\n")
    assert [query.name for query in queries] == ["one", "all"]
    assert queries.one.positional == "select id, name from visitor where id = $1"
    assert queries.all.text == "select id, name, :more as more from visitor"
    assert queries.all.parameters == ("more",)


def test_a_part_may_come_from_code(folder: Path) -> None:
    (folder / "some.sql").write_text(ONE)
    queries = Queries(folder.name, "some.sql", columns="id, name")
    assert queries.one.positional == "select id, name from visitor where id = $1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE, "some.sql: one uses parts that do not stand above it: columns"),
        (ONE + COLUMNS, "some.sql: one uses parts that do not stand above it: columns"),
        (COLUMNS + "-- name: one\n-- One.\nselect 1;\n", "some.sql: no query uses the parts columns"),
        (COLUMNS + COLUMNS + ONE, "some.sql: two entries are named columns"),
        (COLUMNS + ONE + ONE, "some.sql: two entries are named one"),
        ("-- part: columns\nid\n" + ONE, "some.sql: columns needs a line that says what it is for"),
        (COLUMNS, "some.sql: no queries"),
        ("", "some.sql: no queries"),
    ],
    ids=["missing", "below", "unused", "two parts", "two queries", "no purpose", "parts alone", "empty"],
)
def test_a_file_that_does_not_fit_together_is_refused(folder: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load(folder, text)


def test_each_query_that_the_engine_names_is_there() -> None:
    """They are read from files: no type checker knows their names."""
    missing, named = [], 0
    for path in sorted((ROOT / "src" / "sooner").rglob("*.py")):
        text = path.read_text()
        # What a new project gets is no module of the engine's.
        if "project" in path.parts or not any(word in text for word in ("SQL", "Queries(", "TRANSITIONS")):
            continue
        module = importlib.import_module(".".join(path.relative_to(ROOT / "src").with_suffix("").parts))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                queries = getattr(module, node.value.id, None)
                if isinstance(queries, Queries):
                    named += 1
                    missing += (
                        [] if hasattr(queries, node.attr) else [f"{path.name}:{node.lineno} {node.attr}"]
                    )
    assert missing == []
    assert named > 100
