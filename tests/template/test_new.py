"""`python -m sooner new`, from the wheel alone, in an environment that knows nothing of this checkout."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import httpx
import pytest

from sooner.local.ports import free_port
from sooner.template.files import SHARED, files
from sooner.template.new import NotNewError, new
from tests.support import ROOT, trees
from tests.support.commands import run
from tests.support.documentation import PAGES
from tests.support.processes import Process

if TYPE_CHECKING:
    from pathlib import Path


def installed(folder: Path) -> Path:
    """The Python of an environment that holds the wheel of this checkout, and what the lock names."""
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir"]
    run([*build, str(folder / "dist")], ROOT)
    [wheel] = (folder / "dist").glob("*.whl")
    run([sys.executable, "-m", "venv", str(folder / "empty")], folder)
    python = folder / "empty" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = ROOT / "src/sooner/template/project/requirements.txt"
    run([*pip, "--require-hashes", "--requirement", str(lock)], folder)
    run([*pip, "--no-deps", str(wheel)], folder)
    return python


@pytest.mark.slow
async def test_a_project_made_from_the_wheel_alone_runs_and_passes_its_tests(folder: Path) -> None:
    python = installed(folder)
    told = run([str(python), "-m", "sooner", "new", "shop"], folder)
    assert "cd shop && ./ops/run" in told
    shop = folder / "shop"

    # The oldest Python that the contract names, where the machine has it.
    oldest = shutil.which("python3.11") or sys.executable
    checked = run(["./ops/run", "--check"], shop, PORT=str(free_port()), PYTHON=oldest)
    tested = run(["./ops/test"], shop)

    assert "| greet: 1 visits; " in checked
    assert " passed" in tested
    await saves(shop)
    where = "import sooner; print(sooner.__file__)"
    assert run([str(shop / ".venv/bin/python"), "-c", where], shop).startswith(str(shop / ".venv"))


async def saves(shop: Path) -> None:
    """What is saved runs at once, and a command beside the run has its environment."""
    running = Process("run", "exec ./ops/run", {"PORT": str(free_port())}, shop.parent / "run.log", shop)
    try:
        await running.line("running until Ctrl-C")
        actor = "from sooner import job\n\n\n@job\ndef add(a: int, b: int) -> int:\n    return a + b\n"
        (shop / "src" / "actors" / "add.py").write_text(actor)
        await running.line("src/actors/add.py changed, loaded in")
        key = (await running.line(r"key: +([^ ]+)"))[1]
        url = (await running.line(r"page: (http://[^/]+)"))[1]
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
            answer = await client.post("/jobs/add", json={"a": 1, "b": 2}, headers=headers)
        assert answer.json()["result"] == 3
        assert "database" in run(["./ops/exec", "python", "-m", "src.doctor"], shop)
        assert await running.terminate() == 0
    finally:
        running.end()


@pytest.mark.slow
def test_a_project_made_in_the_engines_checkout_has_the_engine_as_it_is(folder: Path) -> None:
    checkout = folder / "engine"
    trees.present(checkout)
    for number in (1, 2):
        (checkout / "src" / "sooner" / "marker.py").write_text(f"NUMBER = {number}\n")
        run(
            [sys.executable, "-m", "sooner", "new", str(folder / f"shop{number}")],
            checkout,
            PYTHONPATH=str(checkout / "src"),
        )
        [wheel] = (folder / f"shop{number}" / "wheels").glob("*.whl")
        assert zipfile.ZipFile(wheel).read("sooner/marker.py").decode() == f"NUMBER = {number}\n"


def test_a_dictionary_with_types_is_read_by_pydantic_before_python_3_12() -> None:
    """Pydantic takes that of typing_extensions alone there: an actor with the other would not load."""
    read = [*(source for _, source in files()), *PAGES, *(ROOT / "ops" / "examples").rglob("*.py")]
    read += [*(ROOT / "src" / "actors").glob("*.py"), *(ROOT / "src" / "sooner" / "actors").glob("*.py")]
    told = re.compile(r"from typing import .*\bTypedDict|typing\.TypedDict")
    assert [path for path in read if told.search(path.read_text())] == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(NotNewError, match="is not empty: name a folder that is not there yet"):
        new(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["my shop!", "shop-", ".shop", "läden"])
def test_a_name_that_no_project_may_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NotNewError, match="is no name for a project"):
        new(tmp_path / name)


@pytest.mark.parametrize("place", ["file/shop", "a" * 300, "nowhere"])
def test_a_folder_that_cannot_be_made_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(NotNewError, match="cannot be made: "):
        new(tmp_path / place)


def test_what_is_shared_with_this_checkout_is_in_the_wheel_too() -> None:
    told = (ROOT / "pyproject.toml").read_text()
    missing = [name for name in SHARED if f'"{name}" = "sooner/template/project/{name}"' not in told]
    assert missing == []
    assert len({path for path, _ in files()}) == len(list(files()))
