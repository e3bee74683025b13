"""The operators' page, as a person uses it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.support.jobs import fetch
from tests.support.keys import run_keys

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

    from tests.conftest import Connect, MakeKey, Service
    from tests.support.processes import Processes
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

LOGGERS = "tests.support.loggers"


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
        "/jobs/sleep", json={"seconds": 60, "steps": 1}, headers={"Prefer": "respond-async"}
    )
    await expect(page.get_by_role("table").get_by_role("link", name="sleep")).to_be_visible()
    # The only shard has no name, so nothing tells of shards.
    await expect(page.get_by_role("columnheader", name="Shard")).to_have_count(0)
    await expect(page.locator("#missing")).to_be_empty()
    # Nothing is heard of it any more, and yet it takes longer.
    await expect(page.get_by_role("table").get_by_text(re.compile(r"^[3-9]\.\d s$"))).to_be_visible()


async def test_charts_and_scheduler(page: Page, processes: Processes) -> None:
    await expect(page.get_by_role("img", name=re.compile("^Waiting: now")).first).to_be_visible()
    await expect(page.get_by_text("No scheduler leads")).to_be_visible()
    await processes.scheduler()
    await expect(page.get_by_text(re.compile("leads since"))).to_be_visible()
    await page.get_by_role("link", name="Schedules").click()
    row = page.get_by_role("row", name=re.compile("expire_credentials"))
    await expect(row).to_contain_text("0 2 * * *")
    # The zone is the cron's, whatever the browser's own is.
    await expect(row).to_contain_text(re.compile(r"\w{3} \d+ \w{3}, 02:00 UTC"))


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


async def test_the_list_is_live_and_moves_only_when_asked(page: Page, service: Service) -> None:
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await expect(page.get_by_text("No job fits.")).to_be_visible()
    [id] = await fail(service, "one")
    rows = page.locator("tbody tr[data-id]")
    await expect(rows).to_have_count(1)

    box = page.get_by_role("checkbox", name=re.compile(id))
    await box.check()
    place = await box.bounding_box()
    await page.evaluate("window.box = document.activeElement")
    await service.client.post("/jobs/echo", json={})
    news = page.get_by_role("button", name="1 new job", exact=True)
    await expect(news).to_be_visible()
    assert await box.bounding_box() == place
    assert await page.evaluate("box.isConnected && box === document.activeElement && box.checked")

    await service.client.post(f"/jobs/{id}/resolve")
    await expect(page.get_by_text("1 selected, 1 no longer failed")).to_be_visible()
    await news.click()
    await expect(rows).to_have_count(2)
    await expect(news).to_be_hidden()
    await expect(box).to_be_checked()


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


async def test_the_log_of_a_job_comes_live_with_each_attempt_and_what_it_raised(
    page: Page, processes: Processes, connect: Connect, service: Service
) -> None:
    web = await processes.web(module=LOGGERS)
    await processes.worker(module=LOGGERS)
    client = connect(web, service.key)
    running = (await client.post("/jobs/says_on", json={"pause": 0.2}, headers={"Prefer": "wait=0"})).json()
    await page.goto(f"{web.url}/dashboard?job={running['id']}")
    log = page.get_by_role("log", name="Log")
    for number in (0, 3):
        await expect(log.get_by_text(f"shop line {number}", exact=True)).to_be_visible()
    await client.post(f"/jobs/{running['id']}/cancel")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("Cancelled", exact=True)).to_be_visible()

    failed = (await client.post("/jobs/says_and_fails", json={}, headers={"Prefer": "wait=20"})).json()
    await page.goto(f"{web.url}/dashboard?job={failed['id']}")
    await expect(log.get_by_role("listitem")).to_have_text(
        [
            "Attempt 1",
            re.compile(r"info\s*shop attempt 1$"),
            "Attempt 2",
            re.compile(r"info\s*shop attempt 2$"),
        ]
    )
    earlier = dialog.get_by_label("Traceback of attempt 1")
    await expect(dialog.get_by_label("Traceback of attempt 2")).to_contain_text("raise LookupError")
    await expect(earlier).to_be_hidden()
    await dialog.get_by_text("Attempt 1: LookupError").click()
    # News of the job leaves open what a person opened, and a new attempt's lines come, too.
    await dialog.get_by_role("button", name="Retry").click()
    await expect(log.get_by_text("shop attempt 3", exact=True)).to_be_visible()
    await expect(dialog.get_by_label("Traceback of attempt 3")).to_be_attached()
    await expect(earlier).to_be_visible()

    silent = (await client.post("/jobs/says_much", json={"lines": 0}, headers={"Prefer": "wait=20"})).json()
    await page.goto(f"{web.url}/dashboard?job={silent['id']}")
    await expect(dialog.get_by_text("Its code has logged nothing.")).to_be_visible()
    said = (await client.post("/jobs/says", json={"word": "<b>"}, headers={"Prefer": "wait=20"})).json()
    await page.goto(f"{web.url}/dashboard?job={said['id']}")
    await expect(log.get_by_role("listitem").filter(has_text="logged <b>")).to_contain_text("order=7")
    await expect(log.locator("pre")).to_contain_text("LookupError: <b>")


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
    bulk = page.locator(".bulk button")
    places = [await button.bounding_box() for button in await bulk.all()]
    await page.get_by_role("button", name="Resolve", exact=True).click()
    await expect(page.get_by_text("2 jobs resolved.")).to_be_visible()
    assert [await state(service, id) for id in ids] == ["error_resolved", "error_resolved", "error"]
    # The rows' news has come since: it leaves the confirmation, and each button in its place.
    refresh = page.get_by_role("button", name="2 no longer fit")
    await expect(refresh).to_be_visible()
    await expect(page.get_by_text("2 jobs resolved.")).to_be_visible()
    assert [await button.bounding_box() for button in await bulk.all()] == places
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Resolve all that failed").click()
    await expect(page.get_by_text("1 job resolved.")).to_be_visible()
    assert await state(service, ids[2]) == "error_resolved"
    await page.get_by_role("button", name="3 no longer fit").click()
    await expect(page.get_by_text("No job fits.")).to_be_visible()


async def test_a_refused_action_says_why_over_the_page_until_it_is_read(
    page: Page, service: Service, database_url: str
) -> None:
    [id] = await fail(service, "one")
    await fetch(
        database_url, "update dramatiq.queue set actor = 'removed' where message_id = $1::text::uuid", id
    )
    await page.goto("/dashboard?view=jobs&state=error")
    box = page.get_by_role("checkbox", name=re.compile(id))
    await box.check()
    place = await box.bounding_box()
    await page.get_by_role("button", name="Retry", exact=True).click()
    await expect(page.get_by_text("0 jobs put back to waiting, 1 not.")).to_be_visible()
    alert = page.get_by_role("alert").filter(has_text="'removed'")
    await expect(alert).to_be_in_viewport()
    assert await page.locator("tbody input").bounding_box() == place if place else False
    await alert.get_by_role("button", name="Dismiss").click()
    await expect(alert).to_be_hidden()


async def test_one_job_whole_changes_in_place(page: Page, service: Service) -> None:
    running = await service.client.post(
        "/jobs/sleep", json={"seconds": 60, "steps": 60}, headers={"Prefer": "wait=0"}
    )
    await page.goto(f"/dashboard?job={running.json()['id']}")
    dialog = page.get_by_role("dialog")
    cancel = dialog.get_by_role("button", name="Cancel")
    await cancel.focus()
    await page.evaluate("window.cancel = document.activeElement")
    said = await dialog.get_by_text(re.compile(r"step \d+ of 60")).text_content()
    await expect(dialog.get_by_text(str(said))).to_be_hidden()
    assert await page.evaluate("cancel.isConnected && cancel === document.activeElement")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("Cancelled", exact=True)).to_be_visible()


async def test_each_kind_of_result_on_both_pages(page: Page, service: Service, database_url: str) -> None:
    async def seen(id: str, urls: dict[str, str]) -> list[Locator]:
        await page.goto(f"/dashboard?job={id}")
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("heading", name="Result")).to_be_visible()
        await home.goto("/livez")
        await home.goto(f"/#job={urls['self']}")
        await expect(home.get_by_role("heading", name="Result")).to_be_visible()
        return [dialog, home.get_by_role("region", name="The result")]

    home = await page.context.new_page()
    made = (await service.client.post("/jobs/export_archive", json={}, headers={"Prefer": "wait=20"})).json()
    for place in await seen(made["id"], made["urls"]):
        async with place.page.expect_download() as downloading:
            await place.get_by_role("link", name="Download").click()
        download = await downloading.value
        assert download.suggested_filename == made["result"]["file"]["name"]
        assert (await download.path()).read_bytes()[:2] == b"PK"

    made = (await service.client.post("/jobs/echo", json={"rows": ["x" * 100] * 300})).json()
    for place in await seen(made["id"], made["urls"]):
        await expect(
            place.get_by_text(re.compile("The first 20,000 of 3[0-9],[0-9]+ characters"))
        ).to_have_count(2 if place.page is page else 1)
        assert len(await place.get_by_label("Result as JSON").text_content() or "") == 20_000
        await expect(place.get_by_role("link", name="Save all of it")).to_have_attribute(
            "href", re.compile("/result")
        )

    put = "update dramatiq.queue set result = $2::text::jsonb where message_id = $1::text::uuid"
    await fetch(database_url, put, made["id"], json.dumps('two\n"lines"'))
    for place in await seen(made["id"], made["urls"]):
        assert await place.get_by_label("Result as text").text_content() == 'two\n"lines"'
    await fetch(database_url, put, made["id"], "null")
    for place in await seen(made["id"], made["urls"]):
        await expect(place.get_by_text("It gave nothing back.")).to_be_visible()


async def test_pages_that_are_left_hold_no_connection(page: Page, service: Service) -> None:
    """A browser has six to a server, and keeps pages to go back to."""
    running = await service.client.post("/jobs/sleep", json={"seconds": 120}, headers={"Prefer": "wait=0"})
    for _ in range(4):
        await page.goto("/dashboard")
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        await page.goto(f"/#job={running.json()['urls']['self']}")
        await expect(page.get_by_text("Deferred: the job is running")).to_be_visible()
    # What is gone back to listens again. (The driver itself loses a page that comes from the cache.)
    for name in ("pagehide", "pageshow"):
        await page.evaluate("(name) => dispatchEvent(new PageTransitionEvent(name, {persisted: true}))", name)
    await service.client.post(f"/jobs/{running.json()['id']}/cancel")
    await expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()


async def test_the_server_goes_and_comes_back(page: Page, processes: Processes, service: Service) -> None:
    port = service.web.url.rpartition(":")[2]
    await service.web.kill()
    await expect(page.get_by_text("connecting …")).to_be_visible()
    await processes.web(PORT=port)
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
