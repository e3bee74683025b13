"""What the page shows of an inventory."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.support import repositories
from tests.support.sites import site
from tests.web.pages.test_access import PHONE, assert_open_to_all

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.conftest import Service
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

PYTHON = b"""
from unmade import make
import pytest

def test_kept(): pass

def test_moved(): pass

class Odd(make()):
    def test_perhaps(self): pass
"""
SKIPPED = PYTHON.replace(b"def test_kept", b"@pytest.mark.skip\ndef test_kept")
SCRIPT = b"import { test } from 'vitest';\ntest('=1+1, \"quoted\"', () => {});\n"
FILES = 20_000


@pytest.fixture
def settings(settings: dict[str, dict[str, str | None]]) -> dict[str, dict[str, str | None]]:
    """A worker that may reach this machine, and results of any length."""
    settings["worker"]["ALLOW_PRIVATE_NETWORK"] = "1"
    settings["web"]["MAX_BODY_BYTES"] = str(64 << 20)
    return settings


async def test_two_commits_with_two_languages(
    windows: Windows, service: Service, tmp_path: Path, node_modules: Path
) -> None:
    project = tmp_path / "project"
    repositories.commit(project, {"test_a.py": PYTHON, "test_b.py": b"def test_gone(): pass\n"})
    repositories.git(project, "tag", "v1")
    repositories.git(project, "rm", "--quiet", "test_b.py")
    repositories.commit(project, {"test_a.py": SKIPPED, "a.test.js": SCRIPT, "test_broken.py": b"def ("})
    page = await windows.open(f"/#token={service.key}")
    with site(lambda exchange: repositories.serve(exchange, tmp_path)) as server:
        await page.get_by_text("An address").click()
        await page.get_by_label(re.compile("^Url")).fill(f"{server.url}/project")
        await page.get_by_label(re.compile("^Compare")).fill("v1")
        await page.get_by_role("button", name="Count the tests").click()
        await expect(page.get_by_role("heading", name="Since v1")).to_be_visible()

    languages = page.get_by_role("list", name="Tests by language and status").get_by_role("listitem")
    await expect(languages.filter(has_text="javascript")).to_contain_text("1 test in 1 file")
    await expect(languages.filter(has_text="python")).to_contain_text("1 file")
    for summary, row in {
        "1 test added": '=1+1, "quoted"',
        "1 test removed": "test_gone",
        "1 test newly skipped": "test_kept",
        "1 file could not be read": "test_broken.py",
        "1 undecided: only running would tell": "Odd",
    }.items():
        await page.get_by_text(summary, exact=True).click()
        await expect(page.get_by_role("row").filter(has_text=row).first).to_be_visible()

    await page.get_by_text("Badge", exact=True).click()
    badge = page.get_by_role("img", name="tests")
    await expect(badge).to_be_visible()
    await expect(badge).to_have_js_property("complete", value=True)
    assert await badge.evaluate("image => [image.naturalHeight, image.naturalWidth > 50]") == [20, True]
    await assert_open_to_all(page, node_modules)
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    await assert_open_to_all(page, node_modules)
    async with page.expect_download() as saving:
        await page.get_by_role("button", name="Save as CSV").click()
    saved = await saving.value
    assert re.fullmatch(r"inventory_tests-[0-9a-f-]{36}\.csv", saved.suggested_filename)
    text = await asyncio.to_thread(Path(await saved.path()).read_text)
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["path", "language", "framework", "name", "line", "status"]
    assert rows[1] == ["a.test.js", "javascript", "vitest", '\'=1+1, "quoted"', "2", "active"]
    assert ["test_a.py", "python", "pytest", "test_kept", "6", "skipped"] in rows


def large() -> dict[str, Any]:
    """A result that lists 20,000 files in 200 folders, and leaves out others."""
    entries = [
        {
            "path": f"src/part{number % 200:03}/test_{number}.py",
            "language": "python",
            "framework": "pytest",
            "suites": 0,
            "tests": 5,
            "cases": [{"name": f"test_{case}", "line": case, "status": "active"} for case in range(5)],
        }
        for number in range(FILES)
    ]
    counts = {"files": FILES + 7, "suites": 0, "tests": 5 * FILES + 35}
    return {
        **counts,
        "by_framework": {"pytest": counts},
        "by_language": {"python": counts},
        "by_status": {"active": counts["tests"], "skipped": 0, "todo": 0, "focused": 0, "xfail": 0},
        "unreadable": [],
        "undecided": [],
        "commit": None,
        "unlisted": {"files": 7, "tests": 35, "unreadable": 3, "undecided": 0},
        "entries": entries,
    }


@pytest.fixture
async def page(windows: Windows, service: Service) -> Page:
    """The page with a result of 20,000 files."""
    job = (await service.client.post("/jobs/echo", json=large(), headers={"Prefer": "wait=20"})).json()
    page = await windows.open(f"/#job={job['urls']['self']}")
    await expect(page.get_by_role("treegrid")).to_be_visible()
    return page


async def answers(page: Page) -> None:
    """Waits until the page has drawn twice."""
    twice = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    await asyncio.wait_for(page.evaluate(twice), 30)


async def test_a_tree_of_20_000_files(page: Page) -> None:
    tree = page.get_by_role("treegrid")
    rows = tree.locator("tbody tr")
    await expect(rows).to_have_count(201)
    await tree.get_by_role("row", name="part007/").click()
    await expect(rows).to_have_count(301)
    await answers(page)
    await tree.get_by_role("row", name="test_7.py").click()
    await expect(rows).to_have_count(306)

    await page.get_by_role("button", name="Tests", exact=True).click()
    await expect(page.get_by_role("columnheader", name="Tests")).to_have_attribute("aria-sort", "descending")
    await page.get_by_role("searchbox").press_sequentially("test_1")
    await expect(page.get_by_text("20,000 files")).to_be_visible()
    await answers(page)
    await page.get_by_role("searchbox").fill("test_19999.py")
    await expect(page.get_by_text("1 file with 5 tests")).to_be_visible()


async def test_what_the_result_leaves_out_is_said(page: Page) -> None:
    frameworks = page.get_by_role("list", name="Tests by framework and status")
    await expect(frameworks.get_by_role("listitem")).to_contain_text("100,000 active, 35 not listed")
    await expect(page.get_by_text("it leaves out 7 files and 35 tests.")).to_be_visible()
    await page.get_by_text("3 files could not be read").click()
    await expect(page.get_by_text("The result is too long to list them.")).to_be_visible()
