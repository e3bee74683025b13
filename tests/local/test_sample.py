"""What the sample job packs."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from sooner.local.procfile import read_procfile
from sooner.local.sample import pack
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def names(archive: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return set(tar.getnames())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.py", "sub/b.py", ".venv/c.py", ".data/d", "ignored.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("a.py")
    return tmp_path


def test_without_git_all_but_what_tools_make(folder: Path) -> None:
    assert names(pack(folder)) == {"sooner/a.py", "sooner/sub/b.py", "sooner/ignored.log"}


def test_with_git_what_it_knows_or_would_take_up(folder: Path) -> None:
    (folder / ".gitignore").write_text(".venv\n.data\n*.log\n")
    (folder / "gone.py").write_text("")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    subprocess.run(["git", "-C", folder, "add", "a.py", "gone.py"], check=True)
    (folder / "gone.py").unlink()
    assert names(pack(folder)) == {"sooner/a.py", "sooner/sub/b.py", "sooner/.gitignore"}


def test_procfile_names_the_contracts_process_types() -> None:
    assert list(read_procfile(ROOT / "Procfile")) == ["release", "web", "worker", "scheduler"]


def test_procfile_with_a_broken_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# the web\n\nweb: serve\nworker work\n")
    with pytest.raises(ValueError, match="line 4: not `name: command`"):
        read_procfile(tmp_path / "Procfile")
