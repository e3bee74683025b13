"""The operators' page over three shards, one of which stops and comes back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.support.jobs import fetch
from tests.web.pages.conftest import windows_on
from tests.web.pages.test_access import assert_open_to_all
from tests.web.pages.test_dashboard import sign_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Page

    from tests.support.processes import Processes
    from tests.web.conftest import ThreeShards

pytestmark = pytest.mark.browser

FAILED = """
insert into dramatiq.queue (message_id, actor, lane, state, message, error, worker, started_at, finished_at, expires_at)
values (gen_random_uuid(), 'fail', 'default', 'rejected', '{"kwargs": {}}', '{"type": "failed", "title": "x"}', gen_random_uuid(),
  now(), now(), now() + interval '1 day')
"""
SUBMIT = "select sooner.submit('echo', '{}') from generate_series(1, $1)"


@pytest.fixture
async def page(three_shards: ThreeShards, processes: Processes, chromium: str) -> AsyncIterator[Page]:
    """The overview of all shards, signed in."""
    web = await processes.web(DATABASE_URLS=three_shards.setting)
    async with windows_on(web.url, chromium) as windows:
        page = await windows.open("/dashboard")
        await sign_in(page, await three_shards.admin_key())
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        yield page


async def test_all_shards_are_one_overview_and_one_that_stops_is_taken_back_by_itself(
    page: Page, three_shards: ThreeShards, processes: Processes, node_modules: Path
) -> None:
    for number, name in enumerate(("a", "c"), 1):
        await fetch(three_shards.urls[name], SUBMIT, number)
    await processes.worker(DATABASE_URL=three_shards.urls["b"])
    await fetch(three_shards.urls["b"], SUBMIT, 4)

    waiting = page.get_by_role("region", name="Jobs by state").get_by_role("link", name="waiting")
    await expect(waiting).to_have_text(re.compile("^3"))
    await expect(page.get_by_role("link", name=re.compile("^4 done"))).to_be_visible()
    workers = page.get_by_role("group", name="Workers")
    await expect(workers.get_by_role("columnheader", name="Shard")).to_be_visible()
    await expect(workers.get_by_role("cell", name="b", exact=True)).to_be_visible()
    for name in three_shards.urls:
        await expect(page.get_by_text(f"No scheduler leads on shard {name}")).to_be_visible()

    banner = page.get_by_role("status").filter(has_text="does not answer")
    await expect(banner).to_have_count(0)
    three_shards.server_of_b.stop()
    await expect(banner).to_have_text("Shard b does not answer: its jobs are not shown.")
    await expect(page.get_by_text("No worker runs")).to_be_visible()
    await expect(page.get_by_role("link", name=re.compile("^0 done"))).to_be_visible()
    # What the others do goes on.
    await fetch(three_shards.urls["a"], SUBMIT, 10)
    await expect(waiting).to_have_text(re.compile("^13"))
    await expect(page.get_by_text("live", exact=True)).to_be_visible()
    for view in ("Schedules", "Jobs", "Overview"):
        await page.get_by_role("link", name=view, exact=True).click()
        await expect(banner).to_be_visible()
    await assert_open_to_all(page, node_modules)

    await page.get_by_role("button", name="Pause queue default", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("is paused on a and c. Shard b does not answer")
    await expect(page.get_by_text("paused", exact=True)).to_be_visible()
    everywhere = page.get_by_role("button", name="Pause queue default everywhere")
    await expect(everywhere).to_be_hidden()

    three_shards.server_of_b.start()
    await expect(banner).to_have_count(0)
    await expect(page.get_by_role("link", name=re.compile("^4 done"))).to_be_visible()
    await expect(page.get_by_text("paused on a and c", exact=True)).to_be_visible()
    await everywhere.click()
    await expect(page.get_by_text("paused", exact=True)).to_be_visible()
    await expect(everywhere).to_be_hidden()


async def test_schedules_say_which_shards_they_are(
    page: Page, three_shards: ThreeShards, processes: Processes
) -> None:
    for name in ("a", "b"):
        await processes.scheduler(DATABASE_URL=three_shards.urls[name])
    await expect(page.get_by_text(re.compile("leads on shard b since"))).to_be_visible()
    await page.get_by_role("link", name="Schedules").click()
    rows = page.get_by_role("row", name=re.compile("expire_credentials"))
    await expect(rows).to_have_count(2)
    for row, name in enumerate("ab"):
        await expect(rows.nth(row).get_by_role("cell", name=name, exact=True)).to_be_visible()
    await expect(
        page.get_by_text("No scheduler leads on shard c: nothing is started there now.")
    ).to_be_visible()


async def test_rows_of_a_shard_that_stops_stay_and_what_is_done_to_all_leaves_them_out(
    page: Page, three_shards: ThreeShards
) -> None:
    for url in three_shards.urls.values():
        await fetch(url, FAILED)
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await page.get_by_label("State").select_option("error")
    failed = page.get_by_role("row", name=re.compile("fail "))
    await expect(failed).to_have_count(3)

    three_shards.server_of_b.stop()
    await expect(page.get_by_role("status").filter(has_text="does not answer")).to_be_visible()
    await expect(failed).to_have_count(3)
    await expect(page.get_by_text("removed, its time was over")).to_have_count(0)
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Retry all that failed").click()

    await expect(page.get_by_text("2 jobs put back to waiting.")).to_be_visible()
    await expect(page.get_by_role("alert")).to_contain_text("The jobs of shard b are left out")
