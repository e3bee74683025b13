"""The operators' page, as a person uses it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.support.keys import run_keys

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser


async def sign_in(page: Page, key: str) -> None:
    """Signs in with a key."""
    await page.get_by_label("Admin key").fill(key)
    await page.get_by_role("button", name="Sign in").click()


@pytest.fixture
async def page(windows: Windows, admin_key: str) -> Page:
    """The overview, signed in."""
    page = await windows.open("/dashboard")
    await sign_in(page, admin_key)
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    return page


async def fail(service: Service, *messages: str) -> list[str]:
    """Ids of jobs that failed with these messages."""
    answers = [await service.client.post("/jobs/fail", json={"message": text}) for text in messages]
    assert [answer.json()["state"] for answer in answers] == ["error"] * len(messages)
    return [answer.json()["id"] for answer in answers]


async def state(service: Service, id: str) -> str:
    """A job's state."""
    return str((await service.client.get(f"/jobs/{id}")).json()["state"])


async def test_only_operators_sign_in(windows: Windows, service: Service) -> None:
    page = await windows.open("/dashboard")
    await sign_in(page, service.key)
    await expect(page.get_by_role("alert")).to_contain_text("needs a key with scope admin")
    await sign_in(page, "sooner_wrong")
    await expect(page.get_by_role("alert")).to_contain_text("unknown, expired or revoked")


async def test_signing_out(page: Page) -> None:
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Admin key")).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Admin key")).to_be_visible()


async def test_a_revoked_key_ends_the_session(windows: Windows, api_key: MakeKey, database_url: str) -> None:
    page = await windows.open("/dashboard")
    await sign_in(page, await api_key("ops", scopes=("admin",)))
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    newest = (await run_keys(database_url, "list")).split()[0]
    await run_keys(database_url, "revoke", newest)
    await expect(page.get_by_text("The session is over: sign in again.")).to_be_visible()


async def test_the_overview_is_live(page: Page, service: Service) -> None:
    states = page.get_by_role("region", name="Jobs by state")
    await expect(states.get_by_role("link", name="error")).to_contain_text("0")
    await fail(service, "one", "two")
    await expect(states.get_by_role("link", name=re.compile("^2 error"))).to_be_visible()
    await service.client.post(
        "/jobs/sleep", json={"seconds": 60, "steps": 10}, headers={"Prefer": "respond-async"}
    )
    await expect(page.get_by_role("table").get_by_role("link", name="sleep")).to_be_visible()


async def test_charts_and_scheduler(page: Page, processes: Processes) -> None:
    await expect(page.get_by_role("img", name=re.compile("^Waiting: now")).first).to_be_visible()
    await expect(page.get_by_text("No scheduler leads")).to_be_visible()
    await processes.scheduler()
    await expect(page.get_by_text(re.compile("leads since"))).to_be_visible()
    await page.get_by_role("link", name="Schedules").click()
    await expect(page.get_by_role("row", name=re.compile("expire_credentials"))).to_contain_text("0 2 * * *")


async def test_pause_and_resume(page: Page, service: Service) -> None:
    await page.get_by_role("button", name="Pause queue default").click()
    await expect(page.get_by_text("paused", exact=True)).to_be_visible()
    # A worker claims no more within a second of the pause.
    await page.wait_for_timeout(1000)
    answer = await service.client.post("/jobs/echo", json={}, headers={"Prefer": "wait=1"})
    assert answer.json()["state"] == "waiting"
    await page.get_by_role("button", name="Resume queue default").click()
    done = await service.client.get(answer.json()["urls"]["self"], headers={"Prefer": "wait=10"})
    assert done.json()["state"] == "done"


async def test_filters_stand_in_the_address(page: Page, service: Service) -> None:
    await fail(service, "one")
    await service.client.post("/jobs/echo", json={})
    await page.get_by_role("link", name="Jobs", exact=True).click()
    rows = page.locator("tbody tr[data-id]")
    await expect(rows).to_have_count(2)
    await page.get_by_label("State").select_option("error")
    await expect(rows).to_have_count(1)
    assert "state=error" in page.url
    await page.reload()
    await expect(rows).to_have_count(1)
    await expect(page.get_by_label("State")).to_have_value("error")
    await page.go_back()
    await expect(rows).to_have_count(2)


async def test_the_list_is_live(page: Page, service: Service) -> None:
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await expect(page.get_by_text("No job fits.")).to_be_visible()
    await service.client.post("/jobs/echo", json={})
    await expect(page.locator("tbody tr[data-id]")).to_have_count(1)


async def test_one_job_whole_is_resolved_with_a_note(page: Page, service: Service) -> None:
    [id] = await fail(service, "the disk is full")
    await page.goto(f"/dashboard?view=jobs&job={id}")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("the disk is full").first).to_be_visible()
    await expect(dialog.get_by_role("listitem").filter(has_text="Attempt 1 began")).to_contain_text("worker")
    await expect(dialog.get_by_label("Traceback")).to_contain_text("Failure: the disk is full")
    request = (await service.client.get(f"/jobs/{id}")).json()["request_id"]
    await expect(dialog.get_by_role("definition").filter(has_text=request)).to_be_visible()
    await dialog.get_by_label(re.compile("^Note")).fill("emptied it")
    await dialog.get_by_role("button", name="Resolve").click()
    await expect(dialog.get_by_text("Note: emptied it")).to_be_visible()
    assert await state(service, id) == "error_resolved"
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert "job=" not in page.url


async def test_earlier_attempts_stay_in_sight(page: Page, service: Service) -> None:
    answer = await service.client.post("/jobs/flaky", json={"times": 2}, headers={"Prefer": "wait=20"})
    assert answer.json()["attempts"] == 3
    await page.goto(f"/dashboard?job={answer.json()['id']}")
    steps = page.get_by_role("dialog").get_by_role("listitem")
    for attempt in (1, 2):
        await expect(steps.filter(has_text=f"Attempt {attempt} failed")).to_contain_text("ran")
    await expect(steps.filter(has_text="Attempt 3 began")).to_be_visible()


async def test_one_job_is_retried_and_cancelled(page: Page, service: Service) -> None:
    answer = await service.client.post("/jobs/fail", json={"times": 1})
    id = answer.json()["id"]
    await page.goto(f"/dashboard?job={id}")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Retry").click()
    await expect(dialog.get_by_text("Done", exact=True)).to_be_visible()
    assert await state(service, id) == "done"

    running = await service.client.post("/jobs/sleep", json={"seconds": 120}, headers={"Prefer": "wait=0"})
    await page.goto(f"/dashboard?job={running.json()['id']}")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog.get_by_text("Cancelled", exact=True)).to_be_visible()


async def test_secrets_stay_hidden(
    page: Page, processes: Processes, connect: Connect, service: Service
) -> None:
    web = await processes.web(module="tests.support.actors")
    params = {"way": "measure", "token": "hunter2"}
    answer = await connect(web, service.key).post("/jobs/use_secret?delay=600", json=params)
    await page.goto(f"{web.url}/dashboard?job={answer.json()['id']}")
    await expect(page.get_by_label("Parameters")).to_contain_text('"token": "•••"')
    assert "hunter2" not in await page.content()


async def test_bulk_retry_and_resolve(page: Page, service: Service) -> None:
    ids = await fail(service, "one", "two", "three")
    await page.goto("/dashboard?view=jobs&state=error")
    await page.get_by_role("checkbox", name=re.compile(ids[0])).check()
    await page.get_by_role("checkbox", name=re.compile(ids[1])).check()
    await expect(page.get_by_text("2 selected")).to_be_visible()
    await page.get_by_role("button", name="Resolve", exact=True).click()
    await expect(page.get_by_text("2 jobs resolved.")).to_be_visible()
    assert [await state(service, id) for id in ids] == ["error_resolved", "error_resolved", "error"]
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Resolve all that failed").click()
    await expect(page.get_by_text("No job fits.")).to_be_visible()
    assert await state(service, ids[2]) == "error_resolved"


async def test_the_server_goes_and_comes_back(page: Page, processes: Processes, service: Service) -> None:
    port = service.web.url.rpartition(":")[2]
    await service.web.kill()
    await expect(page.get_by_text("connecting …")).to_be_visible()
    await processes.web(PORT=port)
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
