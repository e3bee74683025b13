"""What `./ops/run` shows of a module that cannot be loaded."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from sooner.process.standby import described

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = """from sooner import job


@job
async def greet(names: {1, 2}.pop) -> str:
    return "Hello"
"""


def test_an_error_of_a_module_outside_of_the_project_is_shown_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "further_actors").mkdir()
    module = tmp_path / "further_actors" / "broken.py"
    module.write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(Exception, match="greet: parameter names") as refused:
        importlib.import_module("further_actors.broken")

    first, *_, last = described(refused.value).splitlines()
    assert first == f'  File "{module}", line 4, in <module>'
    assert last.startswith("sooner.jobs.declaring.signature.Unfit: greet: parameter names")
    assert "declare.py" not in described(refused.value)
