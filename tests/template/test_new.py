"""`python -m sooner new`, from the wheel alone, in an environment that knows nothing of this checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sooner.local.ports import free_port
from sooner.template.files import SHARED, files
from sooner.template.new import NotNewError, new
from tests.support import ROOT
from tests.support.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator


def run(command: list[str], folder: Path, **settings: str) -> str:
    """The output of a command; asserts that it exits 0."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that root's PostgreSQL, which is another user's, reaches."""
    folder = Path(tempfile.mkdtemp(prefix="sooner-new-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def installed(folder: Path) -> Path:
    """The Python of an environment that holds the wheel of this checkout, and what the lock names."""
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir"]
    run([*build, str(folder / "dist")], ROOT)
    [wheel] = (folder / "dist").glob("*.whl")
    run([sys.executable, "-m", "venv", str(folder / "empty")], folder)
    python = folder / "empty" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "--requirement", str(ROOT / "requirements.txt")], folder)
    run([*pip, "--no-deps", str(wheel)], folder)
    return python


@pytest.mark.slow
def test_a_project_made_from_the_wheel_alone_runs_and_passes_its_tests(folder: Path) -> None:
    python = installed(folder)
    told = run([str(python), "-m", "sooner", "new", "shop"], folder)
    assert "cd shop && ./ops/run" in told
    shop = folder / "shop"

    checked = run(["./ops/run", "--check"], shop, PORT=str(free_port()))
    tested = run(["./ops/test"], shop)

    assert "| greet: 1 visits; " in checked
    assert " passed" in tested
    where = "import sooner; print(sooner.__file__)"
    assert run([str(shop / ".venv/bin/python"), "-c", where], shop).startswith(str(shop / ".venv"))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(NotNewError, match="is not empty: name a folder that is not there yet"):
        new(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_name_that_no_project_may_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotNewError, match="is no name for a project"):
        new(tmp_path / "my shop!")


def test_what_is_shared_with_this_checkout_is_in_the_wheel_too() -> None:
    told = (ROOT / "pyproject.toml").read_text()
    missing = [name for name in SHARED if f'"{name}" = "sooner/template/project/{name}"' not in told]
    assert missing == []
    assert len({path for path, _ in files()}) == len(list(files()))
