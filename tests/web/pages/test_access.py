"""Everybody can use the pages: axe-core finds nothing, light and dark, and they fit a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
from playwright.async_api import expect

from tests.web.pages.test_dashboard import fail, sign_in
from tests.web.pages.test_home import archive

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page

    from tests.conftest import Service
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PHONE: Any = {"width": 390, "height": 844}


async def assert_open_to_all(page: Page, node_modules: Path) -> None:
    """Asserts that axe-core finds no violation, and that nothing sticks out of the window."""
    # The page's own policy lets no script in but ours: axe comes by the debugger.
    await page.evaluate((node_modules / "axe-core" / "axe.min.js").read_text())
    found = await page.evaluate("axe.run().then((result) => result.violations)")
    told = [f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found for node in one["nodes"]]
    assert told == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_home(
    windows: Windows, service: Service, node_modules: Path, scheme: Scheme, phone: bool
) -> None:
    size = {"viewport": PHONE} if phone else {}
    context = await windows.context(color_scheme=scheme, **size)
    page = await windows.open("/", context=context)
    await expect(page.get_by_label("API key")).to_be_visible()
    await assert_open_to_all(page, node_modules)

    page = await windows.open(f"/#token={service.key}", context=context)
    await page.locator("input[type=file]").set_input_files(archive("tests/test_a.py", "tests/deep/test_b.py"))
    await page.get_by_role("button", name="Count the tests").click()
    await page.get_by_role("searchbox").fill("test")
    await expect(page.get_by_role("row", name="test_four").first).to_be_visible()
    await assert_open_to_all(page, node_modules)

    await page.get_by_text("Another job").click()
    await page.get_by_label("Job", exact=True).select_option("sleep")
    await page.get_by_label("Seconds").fill("60")
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_text("Deferred")).to_be_visible()
    await assert_open_to_all(page, node_modules)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_dashboard(
    windows: Windows, service: Service, admin_key: str, node_modules: Path, scheme: Scheme, phone: bool
) -> None:
    [failed, _] = await fail(service, "one", "two")
    await service.client.post("/jobs/sleep", json={"seconds": 60, "steps": 9}, headers={"Prefer": "wait=0"})
    size = {"viewport": PHONE} if phone else {}
    page = await windows.open("/dashboard", color_scheme=scheme, **size)
    await assert_open_to_all(page, node_modules)
    await sign_in(page, admin_key)
    await expect(page.get_by_role("table").get_by_role("link", name="sleep")).to_be_visible()
    await assert_open_to_all(page, node_modules)
    await page.goto("/dashboard?view=jobs&state=error")
    await expect(page.locator("tbody tr[data-id]")).to_have_count(2)
    await assert_open_to_all(page, node_modules)
    await page.goto(f"/dashboard?view=jobs&job={failed}")
    await expect(page.get_by_role("dialog").get_by_text("Timeline")).to_be_visible()
    await assert_open_to_all(page, node_modules)
    await page.goto("/dashboard?view=schedules")
    await expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    await assert_open_to_all(page, node_modules)


async def test_dark_is_dark(windows: Windows) -> None:
    grounds = []
    for scheme in SCHEMES:
        page = await windows.open("/", color_scheme=scheme)
        grounds.append(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(247, 247, 245)", "rgb(20, 22, 26)"]


async def test_the_keyboard_alone_signs_in_and_reaches_the_jobs(windows: Windows, admin_key: str) -> None:
    page = await windows.open("/dashboard")
    await expect(page.get_by_label("Admin key")).to_be_focused()
    await page.keyboard.type(admin_key)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent") == "Jobs":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("State")).to_be_visible()
