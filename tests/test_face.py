"""The face of the engine: all that a team's code imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import sooner

FACE = Path(sooner.__file__)


def imported() -> dict[str, tuple[str, str]]:
    """What the face imports for type checkers: each name, its module and its name there."""
    [checked] = [node for node in ast.parse(FACE.read_text()).body if isinstance(node, ast.If)]
    return {
        alias.asname or alias.name: (statement.module or "", alias.name)
        for statement in checked.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }


def test_what_is_promised_is_what_type_checkers_see_and_what_is_found() -> None:
    assert imported() == sooner._HOMES
    assert sorted(imported()) == sooner.__all__


@pytest.mark.parametrize("name", sooner.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(sooner, name) is not None


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sooner.nothing


def test_the_face_loads_nothing_before_it_is_asked() -> None:
    program = "import sys, sooner; print(sorted(name for name in sys.modules if name.startswith('sooner')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['sooner']"
