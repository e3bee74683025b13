"""What a job puts out, in a real browser: by the client, and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.conftest import Service
from tests.support.jobs import post

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

SPEAKERS = "tests.support.speakers"
READ = """async ({key, actor, params}) => {
    const {Sooner} = await import("/static/sooner.js");
    const job = await new Sooner({token: () => key}).submit(actor, params, {wait: 0});
    const told = [], resets = [];
    for await (const piece of job.output({onReset: () => (resets.push(told.length), told.length = 0)})) told.push(piece);
    return {told, resets: resets.length, result: await job.result()};
}"""


@pytest.fixture
async def service(
    processes: Processes, api_key: MakeKey, connect: Connect, settings: dict[str, dict[str, str | None]]
) -> Service:
    """A service whose actors put out pieces."""
    web, worker = await processes.web(module=SPEAKERS), await processes.worker(module=SPEAKERS)
    key = await api_key()
    return Service(web, worker, connect(web, key), key, str(settings["web"]["DATABASE_URL"]))


async def test_the_client_reads_each_piece_once(windows: Windows, service: Service) -> None:
    page = await windows.open("/livez")
    words = ["Hello", 1, {"a": None}]

    live = await page.evaluate(
        READ, {"key": service.key, "actor": "say", "params": {"text": "abcdef", "pause": 0.1}}
    )
    values = await page.evaluate(READ, {"key": service.key, "actor": "tell", "params": {"words": words}})

    assert live == {"told": list("abcdef"), "resets": 0, "result": "abcdef"}
    assert values == {"told": words, "resets": 0, "result": 3}


async def test_the_client_is_told_that_a_job_begins_anew(windows: Windows, service: Service) -> None:
    page = await windows.open("/livez")

    seen = await page.evaluate(READ, {"key": service.key, "actor": "stutter", "params": {"times": 1}})

    assert seen == {"told": ["2.0", "2.1", "2.2"], "resets": 1, "result": 2}


async def test_the_client_polls_where_no_event_stream_passes(windows: Windows, service: Service) -> None:
    page = await windows.open("/livez")

    async def refuse(route: Route) -> None:
        if "event-stream" in route.request.headers["accept"]:
            await route.fulfill(status=502)
        else:
            await route.continue_()

    await page.route("**/output?*", refuse)
    seen = await page.evaluate(
        READ, {"key": service.key, "actor": "say", "params": {"text": "abcdef", "pause": 0.1}}
    )

    assert seen["told"] == list("abcdef")


async def test_the_page_shows_output_as_it_comes_and_again_after_a_reload(
    windows: Windows, service: Service
) -> None:
    job = await post(service.client, "say", text="It goes on and on.", pause=0.15)
    page: Page = await windows.open(f"/#job={job['urls']['self']}")
    said = page.get_by_role("log")

    await expect(said).to_contain_text("It goes")
    await expect(said).not_to_contain_text("on.")
    await page.reload()

    await expect(said).to_have_text("It goes on and on.")
    await expect(page.locator("#job")).to_contain_text("Done")
