"""The page that submits a job, as a person uses it."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from playwright.async_api import FilePayload, Page, Request, Route

    from tests.conftest import MakeKey, Service
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

SOURCE = b"""
import pytest

def test_one(): pass

@pytest.mark.skip
def test_two(): pass

class TestThree:
    def test_four(self): pass
"""


def archive(*paths: str) -> FilePayload:
    """An archive with the same three tests in each file."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as tar:
        for path in paths:
            info = tarfile.TarInfo(f"project/{path}")
            info.size = len(SOURCE)
            tar.addfile(info, io.BytesIO(SOURCE))
    return {"name": "project.tar.gz", "mimeType": "application/gzip", "buffer": memory.getvalue()}


@pytest.fixture
async def page(windows: Windows, service: Service) -> Page:
    """The page with the tenant's key, handed over as `./ops/run` does."""
    page = await windows.open(f"/#token={service.key}")
    await expect(page.get_by_role("button", name="Count the tests")).to_be_visible()
    return page


async def start(page: Page, actor: str, **fields: str) -> None:
    """Fills in the form of an actor and starts the job."""
    await page.get_by_text("Another job").click()
    await page.get_by_label("Job", exact=True).select_option(actor)
    for label, value in fields.items():
        await page.get_by_label(re.compile(f"^{label}")).fill(value)
    await page.get_by_role("button", name="Start").click()


async def test_the_token_leaves_the_address(page: Page) -> None:
    assert urlsplit(page.url).fragment == ""
    await page.reload()
    await expect(page.get_by_role("button", name="Count the tests")).to_be_visible()


async def test_a_key_is_asked_for_checked_and_forgotten(windows: Windows, service: Service) -> None:
    page = await windows.open("/")
    await page.get_by_label("API key").fill("sooner_wrong")
    await page.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_text("is unknown, expired or revoked")).to_be_visible()
    await page.get_by_label("API key").fill(service.key)
    await page.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_role("button", name="Count the tests")).to_be_visible()
    await page.get_by_role("button", name="Forget key").click()
    await expect(page.get_by_label("API key")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_an_inventory_at_once(page: Page) -> None:
    await page.get_by_label(re.compile("^Upload")).set_input_files(
        archive("tests/test_a.py", "tests/deep/test_b.py")
    )
    await page.get_by_role("button", name="Count the tests").click()
    # On a machine that is busy with other things it may be deferred.
    answered = re.compile(r"(Answered at once in|Done after) [\d.]+ m?s")
    await expect(page.get_by_text(answered)).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="pytest")).to_contain_text("6 tests in 2 files")
    tree = page.get_by_role("treegrid")
    await expect(tree.get_by_role("row", name="tests/")).to_contain_text("6")

    await page.get_by_role("button", name="Tests", exact=True).click()
    await expect(page.get_by_role("columnheader", name="Tests")).to_have_attribute("aria-sort", "descending")

    await page.get_by_role("searchbox").fill("test_four")
    await expect(page.get_by_text("2 files with 2 tests")).to_be_visible()
    await expect(tree.get_by_role("row", name="test_four")).to_have_count(2)


async def test_an_address_with_a_token_that_is_kept_nowhere(page: Page) -> None:
    await page.get_by_text("An address").click()
    await page.get_by_label(re.compile("^Url")).fill("https://127.0.0.1/project.tar.gz")
    token = page.get_by_label(re.compile("^Token"))
    await expect(token).to_have_attribute("type", "password")
    await token.fill("hunter2")
    kept: list[str] = []
    look_at = "JSON.stringify([{...sessionStorage}, history.state])"

    async def look(route: Route) -> None:
        # In the midst of the submission, which a reload could interrupt.
        kept.append(await page.evaluate(look_at))
        await route.continue_()

    await page.route("**/jobs/inventory_tests", look)
    await page.get_by_role("button", name="Count the tests").click()
    await expect(page.get_by_text("The job failed", exact=True)).to_be_visible()
    assert "hunter2" not in "".join(kept) + await page.content()
    assert len(kept) == 1


async def test_the_tree_is_walked_by_keyboard(page: Page) -> None:
    await page.get_by_label(re.compile("^Upload")).set_input_files(
        archive("tests/test_a.py", "more/test_b.py")
    )
    await page.get_by_role("button", name="Count the tests").click()
    tree = page.get_by_role("treegrid")
    await tree.get_by_role("row").nth(1).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight", "ArrowDown"):
        await page.keyboard.press(key)
    await expect(page.locator("tr:focus")).to_contain_text("test_one")
    for _ in range(2):
        await page.keyboard.press("ArrowLeft")
    await expect(page.locator("tr:focus")).to_have_attribute("aria-expanded", "false")


async def test_a_deferred_job_shows_progress_and_ends(page: Page) -> None:
    await start(page, "sleep", Seconds="5", Steps="20")
    await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    await expect(page.get_by_text(re.compile(r"step \d+ of 20")).first).to_be_visible()
    await expect(page.get_by_text(re.compile("You may close this page"))).to_be_visible()
    await expect(page.get_by_text(re.compile(r"Done after [\d.]+ s"))).to_be_visible()
    await expect(page.get_by_label("Result as JSON")).to_contain_text('"slept": 5')


async def test_reload_while_the_job_runs(page: Page) -> None:
    await start(page, "sleep", Seconds="6", Steps="20")
    await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    await expect(page.get_by_text(re.compile("Done after"))).to_be_visible()


async def test_reload_before_the_answer_makes_no_second_job(page: Page, service: Service) -> None:
    reached: list[str] = []
    await start(page, "echo")
    await expect(page.get_by_text("Answered at once")).to_be_visible()

    async def hold(route: Route) -> None:
        reached.append(route.request.url)
        await route.fetch()

    await page.route("**/jobs/sleep", hold)
    async with page.expect_request("**/jobs/sleep"):
        await start(page, "sleep", Seconds="4", Steps="8")
    # The former job has gone at once.
    await expect(page.get_by_text("Sent, waiting for the answer").first).to_be_visible()
    await expect(page.get_by_text("Answered at once")).to_be_hidden()
    await expect(page.get_by_role("region", name="The result")).to_be_hidden()
    await page.wait_for_timeout(300)
    await page.unroute_all(behavior="ignoreErrors")
    await page.reload()
    await expect(page.get_by_text(re.compile("Done after|Answered at once"))).to_be_visible()
    assert len((await service.client.get("/jobs?actor=sleep")).json()["items"]) == 1
    await page.go_back()
    await expect(page.get_by_role("heading", name="echo")).to_be_visible()


async def test_the_former_jobs_stream_ends(page: Page) -> None:
    streams: dict[str, bool] = {}

    def note(request: Request, is_open: bool) -> None:
        if "/events" in request.url:
            streams[request.url] = is_open

    page.on("request", lambda request: note(request, True))
    page.on("requestfailed", lambda request: note(request, False))
    for seconds in ("120", "121", "122"):
        await start(page, "sleep", Seconds=seconds, Steps="200")
        await expect(page.get_by_text(re.compile(r"step \d+ of 200")).first).to_be_visible()
    assert list(streams.values()) == [False, False, True]


async def test_the_link_opens_the_job_elsewhere_without_a_key(page: Page, windows: Windows) -> None:
    await start(page, "sleep", Seconds="6", Steps="20")
    await expect(page.get_by_text(re.compile("You may close this page"))).to_be_visible()
    link = page.url
    await page.close()
    other = await windows.open(link, viewport={"width": 390, "height": 844})
    await expect(other.get_by_label("API key")).to_be_visible()
    await expect(other.get_by_role("region", name="The job")).to_be_in_viewport(ratio=1)
    await expect(other.get_by_text(re.compile("Done after"))).to_be_visible()


async def test_two_tabs_follow_one_job_and_either_cancels_it(page: Page, windows: Windows) -> None:
    await start(page, "sleep", Seconds="120", Steps="20")
    await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    other = await windows.open(page.url, context=page.context)
    await other.get_by_role("button", name="Cancel").click()
    for tab in (page, other):
        await expect(tab.get_by_text("Cancelled", exact=True)).to_be_visible()


async def test_the_connection_is_lost_and_comes_back(page: Page) -> None:
    await start(page, "sleep", Seconds="6", Steps="20")
    await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    await page.context.set_offline(True)
    await page.wait_for_timeout(1500)
    await page.context.set_offline(False)
    await expect(page.get_by_text(re.compile("Done after"))).to_be_visible()


async def test_a_failed_job_says_why(page: Page, service: Service) -> None:
    await start(page, "fail", Message="the archive server is away")
    await expect(page.get_by_text("The job failed", exact=True)).to_be_visible()
    await expect(page.get_by_role("alert").filter(has_text="the archive server is away")).to_be_visible()
    await expect(page.get_by_text(re.compile("Waited .* Kept until"))).to_be_visible()
    await expect(page.get_by_role("link", name="Link to this job")).to_be_visible()
    [failed] = (await service.client.get("/jobs?actor=fail")).json()["items"]
    await service.client.post(f"/jobs/{failed['id']}/resolve", json={"note": "it came back"})
    await page.reload()
    await expect(page.get_by_text("Note: it came back")).to_be_visible()


async def test_a_postponed_job_and_one_of_several_attempts_say_when(
    windows: Windows, service: Service
) -> None:
    later = (await service.client.post("/jobs/echo?delay=90000", json={})).json()
    page = await windows.open(f"/#job={later['urls']['self']}")
    await expect(page.get_by_text(re.compile("Postponed until .*[0-9]"))).to_be_visible()
    await expect(page.get_by_text("It begins in 25 h.")).to_be_visible()
    await expect(page.get_by_role("progressbar")).to_have_count(0)
    again = await service.client.post("/jobs/flaky", json={"times": 1}, headers={"Prefer": "wait=20"})
    other = await windows.open(f"/#job={again.json()['urls']['self']}")
    await expect(other.get_by_text(re.compile("2 attempts, the last one ran [0-9.]+ m?s"))).to_be_visible()


async def test_what_does_not_fit_is_said_at_its_field(page: Page) -> None:
    await start(page, "sleep", Seconds="1", Steps="0")
    field = page.get_by_label(re.compile("^Steps"))
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(page.get_by_text("greater than or equal to 1")).to_be_visible()


async def test_an_unreachable_service_is_said(page: Page) -> None:
    await page.route("**/jobs/echo", lambda route: route.abort())
    await start(page, "echo")
    await expect(page.get_by_text("Sooner cannot be reached")).to_be_visible()


async def test_a_link_that_expired_says_so(windows: Windows, service: Service) -> None:
    address = (await service.client.post("/jobs/echo", json={})).json()["urls"]["self"]
    page = await windows.open(f"/#job={address.replace('access=', 'access=f')}")
    await expect(page.get_by_text("This link has expired")).to_be_visible()


async def test_an_expired_key_leads_back_to_the_gate(windows: Windows, api_key: MakeKey) -> None:
    key = await api_key(expires="1s")
    await asyncio.sleep(1)
    page = await windows.open(f"/#token={key}")
    await expect(page.get_by_text("The key is not accepted")).to_be_visible()
    await expect(page.get_by_label("API key")).to_be_visible()
