"""`ops/examples`: each folder, copied over a new project, is a project that runs and passes its tests."""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sooner.local.ports import free_port
from sooner.template.files import files
from tests.support import ROOT
from tests.support.commands import run
from tests.support.processes import Process

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "ops" / "examples"
#: The address, the parameters and the type of the result of one job of each example; `upload` is what stands for an upload.
JOBS: dict[str, tuple[str, dict[str, Any], str]] = {
    "chat": ("chat", {"messages": [{"role": "user", "text": "I am new."}]}, "application/json"),
    "image_resizer": ("resize", {"image": "upload", "width": 100}, "image/png"),
    "visitor_report": ("report_visitors", {}, "text/csv; charset=utf-8"),
}
#: One pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def test_each_example_is_described_and_started() -> None:
    there = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
    assert there == sorted(JOBS)
    assert re.findall(r"^\| `(\w+)`", (EXAMPLES / "README.md").read_text(), re.MULTILINE) == there


@pytest.mark.parametrize(
    "name", [name for name in sorted(JOBS) if not (EXAMPLES / name / "requirements-own.txt").exists()]
)
def test_the_tests_of_an_example_that_needs_nothing_of_its_own(
    name: str, folder: Path, server_url: str
) -> None:
    for path, source in files():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, folder / path)
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    modules = os.pathsep.join([str(folder), str(ROOT / "src")])
    tested = run(
        [sys.executable, "-m", "pytest", "-q"], folder, TEST_DATABASE_URL=server_url, PYTHONPATH=modules
    )
    assert " passed" in tested


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(JOBS))
async def test_an_example_runs_as_its_page_says_and_passes_its_tests(name: str, folder: Path) -> None:
    shop = folder / "shop"
    for command in re.findall(r"^\$ (python|cp)(.*)$", (EXAMPLES / "README.md").read_text(), re.MULTILINE):
        words = " ".join(command).replace("../shop", str(shop)).replace("visitor_report", name).split()
        run([word.replace("python", sys.executable) if word == "python" else word for word in words], ROOT)
    running = Process("run", "exec ./ops/run", {"PORT": str(free_port())}, folder / "run.log", shop)
    try:
        await running.line("running until Ctrl-C", timeout=600)
        key = (await running.line(r"key: +([^ ]+)"))[1]
        url = (await running.line(r"page: (http://[^/]+)"))[1]
        await answers(name, url, key)
        assert await running.terminate() == 0
    finally:
        running.end()
    assert " passed" in run(["./ops/test"], shop)


async def answers(name: str, url: str, key: str) -> None:
    """The example's job is done, and its result is of its type."""
    actor, params, type = JOBS[name]
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as client:
        uploaded = (await client.post("/uploads", content=PICTURE)).json()["id"]
        asked = {key: uploaded if value == "upload" else value for key, value in params.items()}
        job = (await client.post(f"/jobs/{actor}", json=asked)).json()
        assert job["state"] == "done", job
        made = await client.get(job["urls"]["result"])
    assert made.headers["content-type"] == type
    assert made.content
