"""README and guides say nothing that is not so: each example is run as it stands.

Those in a browser are run by tests/web/pages/test_documentation.py.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ops import reference
from tests.support import ROOT
from tests.support.documentation import EXAMPLES, PAGES, examples
from tests.support.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeKey
    from tests.support.processes import Processes

#: Commands that other tests run.
ELSEWHERE = {"./ops/run": "tests/ops/test_run.py", "./ops/test": "tests/template/test_new.py"}

#: A schedule's tick fits the actor that it names, as web would check it.
FITS = """
import json
from datetime import UTC, datetime

import examples
from sooner import Schedule
from src.actors import broker

for schedule in [value for value in vars(examples.schedules).values() if isinstance(value, Schedule)]:
    broker.actors[schedule.actor].check(json.loads(schedule.params_of(datetime.now(UTC))))
    print("fits", schedule.name)
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder with a package `examples`: what each page has in Python, a module a page."""
    package = tmp_path / "modules" / "examples"
    package.mkdir(parents=True)
    for example in examples("python"):
        with (package / f"{example.page}.py").open("a") as module:
            module.write(example.text)
    (package / "__init__.py").touch()
    return package.parent


def test_every_example_is_in_a_language_that_is_run() -> None:
    assert {example.language for example in EXAMPLES} == {"python", "console", "json", "html", "js"}


def test_the_readme_links_each_guide_once() -> None:
    assert sorted(PAGES[1:]) == sorted((ROOT / "ops/docs/guides").glob("*.md"))


def test_the_reference_says_what_the_docstrings_say() -> None:
    assert reference.PAGE.read_text() == reference.page(), "run ./ops/reference"


def test_the_readme_is_one_page() -> None:
    assert len(PAGES[0].read_text().splitlines()) <= 100


def test_links_and_files_of_the_pages_are_there() -> None:
    missing = [
        f"{page.name}: {name}"
        for page in PAGES
        for pattern, folder in ((r"\]\(([^)#:]+)[)#]", page.parent), (r"`((?:ops|src|tests)/[^` ]*)`", ROOT))
        for name in re.findall(pattern, page.read_text())
        if not (folder / name).exists()
    ]
    assert missing == []


def test_schedules_fit_the_actors_that_they_name(modules: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FITS],
        cwd=ROOT,
        env=environment({"ACTORS": "examples", "PYTHONPATH": f"{ROOT}:{modules}"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["fits weekly_report"]


async def test_commands_and_requests_of_the_pages_go_well(
    processes: Processes, api_key: MakeKey, modules: Path, tmp_path: Path
) -> None:
    web = await processes.web(ACTORS="examples", PYTHONPATH=str(modules))
    await processes.worker(ACTORS="examples", PYTHONPATH=str(modules))
    await processes.scheduler()
    key = await api_key()
    for folder in ("src", "tests"):
        (tmp_path / folder).mkdir()

    answers: dict[str, list[Any]] = {}
    for example in examples("console"):
        for command in re.findall(r"^\$ (.*?)(?:  +#.*)?$", example.text, re.MULTILINE):
            if command in ELSEWHERE:
                continue
            if command.startswith("curl "):
                before = answers.setdefault(example.page, [])
                upload = before[-1]["id"] if before else ""
                own_words = command.replace("localhost:8000", web.url).replace("$UPLOAD", upload)
                before.append(request(own_words, key, tmp_path))
            else:
                own = processes.settings("web") if "doctor" in command else {"DATABASE_URL": owner(processes)}
                own |= {"SOONER_URL": web.url, "SOONER_KEY": key}
                await run(command, tmp_path if command.startswith("tar ") else ROOT, own)

    slept, greeted = answers["readme"]
    said = [json.loads(example.text) for example in examples("json")]
    assert alike(slept) == alike(said[0])
    assert greeted["result"] == ["Hello, Ada"]
    assert answers["submitting"][0]["result"] == [["Hello, Ada"], ["Hello, Grace"]]
    assert answers["inventory"][0].keys() == {"id", "bytes", "sha256"}
    assert answers["files"][1]["result"] == "browser"
    assert answers["files"][2]["result"]["file"]["name"] == "sales-2026-11-23.csv"
    assert answers["secrets"][0]["params"] == {"user": "ada", "password": "•••"}
    assert answers["secrets"][0]["result"] == "ada, by 6 characters"
    assert answers["webhooks"][0]["secret"].startswith("whsec_")
    async with httpx.AsyncClient(base_url=web.url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
        unfit = await client.post("/jobs/resize", json={"address": "x"}, headers=headers)
        failed = await client.post("/jobs/resize", json={"address": "x", "width": 1}, headers=headers)
        taken = await client.post("/jobs/inventory_tests", json=said[1], headers=headers)
    assert taken.is_success, taken.text
    assert (unfit.status_code, failed.json()["error"]["type"]) == (422, "no-image")
    assert taken.json()["params"]["token"] == "•••"


async def run(command: str, folder: Path, settings: dict[str, str | None]) -> None:
    """Runs a command of a page; it exits 0."""
    process = await asyncio.create_subprocess_exec(
        *command.split(),
        cwd=folder,
        env=environment(settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, f"{command}: {said.decode()}"


def owner(processes: Processes) -> str | None:
    """The database's address as its owner has it."""
    return processes._settings["web"]["DATABASE_URL"]


def request(command: str, key: str, folder: Path) -> Any:
    """The JSON that a curl command answers; without curl the same request is made."""
    words = shlex.split(command.replace("$KEY", key))
    if shutil.which("curl"):
        done = subprocess.run(
            [*words, "--silent", "--show-error", "--fail-with-body"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)
    _, url, *options = words
    pairs = list(zip(options[::2], options[1::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in pairs if name == "-H")
    [(_, body)] = [pair for pair in pairs if pair[0] != "-H"]
    content = (folder / body[1:]).read_bytes() if body.startswith("@") else body.encode()
    answer = httpx.post(url, headers=headers, content=content, timeout=60, trust_env=False)
    assert answer.is_success, f"{command}: {answer.text}"
    return answer.json()


def alike(value: Any) -> Any:
    """A document without what differs from one job to the next: ids, times, signed addresses."""
    if isinstance(value, dict):
        return {name: alike(each) for name, each in value.items()}
    return (
        re.sub(r"[0-9a-f-]{32,}|access=\S+|\d{4}-\d\d-\d\dT\S+Z", "…", value)
        if isinstance(value, str)
        else value
    )
