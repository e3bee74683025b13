"""The browser client in a real browser, against real processes."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Page, Route

    from tests.conftest import MakeKey, Service
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

CLIENT = ROOT / "src/sooner/web/pages/static/sooner.js"
#: Each brings the modules that it is made of.
PAGES = [ROOT / "src/sooner/web/pages/static" / page / "main.js" for page in ("home", "dashboard")]
STRICT = "--noEmit --allowJs --checkJs --strict --target es2022 --module es2022 --lib es2022,dom,dom.iterable"
#: The pages' own functions need not say what they take, as the client's do: what they do with it is checked.
PLAIN = "--noImplicitAny false --useUnknownInCatchVariables false"


@pytest.fixture
async def page(windows: Windows, service: Service) -> Page:
    """A page with the client: `sooner` has the tenant's key, `client` is the module."""
    page = await windows.open("/livez")
    await page.evaluate(
        """async (key) => {
            window.client = await import("/static/sooner.js");
            window.sooner = new client.Sooner({token: () => key});
            window.states = [];
            window.note = (job) => states.push(job.document.state);
            window.told = (promise) => promise.then((value) => ({value}), (error) => ({
                error: error.constructor.name, message: error.message, cause: error.cause ?? null}));
        }""",
        service.key,
    )
    return page


async def count(service: Service, actor: str) -> int:
    """How many jobs of an actor the tenant has."""
    return len((await service.client.get("/jobs", params={"actor": actor})).json()["items"])


def test_it_is_small() -> None:
    assert len(CLIENT.read_bytes()) < 7_700


@pytest.mark.parametrize(
    ("script", "more"),
    [(CLIENT, ""), *((page, PLAIN) for page in PAGES)],
    ids=["client", *(page.parent.name for page in PAGES)],
)
def test_types_hold(node_modules: Path, script: Path, more: str) -> None:
    tsc = node_modules / ".bin" / "tsc"
    command = [str(tsc), *STRICT.split(), *more.split(), str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


async def test_a_result_that_comes_at_once(page: Page) -> None:
    job = await page.evaluate(
        """async () => {
            const job = await sooner.submit("echo", {a: 1}, {wait: 25});
            return {final: job.final, result: await job.result()};
        }"""
    )
    assert job == {"final": True, "result": {"a": 1}}


async def test_a_result_that_comes_later_with_progress(page: Page) -> None:
    seen = await page.evaluate(
        """async () => {
            const said = [];
            const onProgress = (job) => said.push(job.document.progress?.fraction ?? 0);
            const job = await sooner.submit("sleep", {seconds: 1, steps: 4}, {wait: 0, onProgress});
            return {final: job.final, result: await job.result(), said};
        }"""
    )
    assert seen["final"] is False
    assert seen["result"] == {"slept": 1}
    assert seen["said"] == sorted(seen["said"])
    assert any(0 < fraction < 1 for fraction in seen["said"])


async def test_a_double_click_is_one_job_and_a_later_click_another(page: Page, service: Service) -> None:
    ids = await page.evaluate(
        """async () => {
            const click = () => sooner.submit("echo", {double: true});
            const twice = await Promise.all([click(), click()]);
            const again = await click();
            await new Promise((resolve) => setTimeout(resolve, 1500));
            const later = await click();
            return [...twice, again, later].map((job) => job.document.id);
        }"""
    )
    assert ids[0] == ids[1] == ids[2]
    assert ids[3] != ids[0]
    assert await count(service, "echo") == 2


async def test_a_submission_whose_answer_is_lost_is_one_job(page: Page, service: Service) -> None:
    lost = 0

    async def lose_the_first_answer(route: Route) -> None:
        nonlocal lost
        if lost:
            await route.continue_()
        else:
            lost += 1
            await route.fetch()
            await route.abort("connectionreset")

    await page.route("**/jobs/echo", lose_the_first_answer)
    assert await page.evaluate("sooner.submit('echo', {lost: 1}).then((job) => job.result())") == {"lost": 1}
    assert lost == 1
    assert await count(service, "echo") == 1


async def test_no_answer_is_a_connection_error_and_the_next_try_the_same_job(
    page: Page, service: Service
) -> None:
    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await page.route("**/jobs/echo", lose)
    outcome = await page.evaluate("told(sooner.submit('echo', {again: 1}))")
    assert outcome["error"] == "ConnectionError"
    await page.unroute("**/jobs/echo", lose)
    await page.evaluate("sooner.submit('echo', {again: 1})")
    assert await count(service, "echo") == 1


async def test_the_callers_own_key_is_used(page: Page) -> None:
    same = await page.evaluate(
        """async () => {
            const options = {idempotencyKey: "order-7"};
            const first = await sooner.submit("echo", {n: 1}, options);
            await new Promise((resolve) => setTimeout(resolve, 1200));
            return (await sooner.submit("echo", {n: 1}, options)).document.id === first.document.id;
        }"""
    )
    assert same is True


@pytest.mark.parametrize("refused", [["events"], ["events", "long"]], ids=["long poll", "poll"])
async def test_it_falls_back_where_a_way_is_barred(page: Page, refused: list[str]) -> None:
    ways: list[str] = []

    async def bar(route: Route) -> None:
        prefer = route.request.headers.get("prefer", "")
        way = "events" if "/events" in route.request.url else "poll" if prefer == "wait=0" else "long"
        if "/cancel" in route.request.url or route.request.method == "POST":
            await route.continue_()
            return
        ways.append(way)
        if way in refused:
            await route.fulfill(status=504, body="a proxy's own words")
        else:
            await route.continue_()

    await page.route("**/jobs/**", bar)
    result = await page.evaluate(
        "sooner.submit('sleep', {seconds: 2}, {wait: 0}).then((job) => job.result())"
    )
    assert result == {"slept": 2}
    assert list(dict.fromkeys(ways)) == [*refused, "long" if refused == ["events"] else "poll"]


async def test_retry_after_is_honoured(page: Page) -> None:
    times: list[float] = []

    async def overload(route: Route) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 1:
            problem = json.dumps({"title": "Too many requests", "status": 429})
            await route.fulfill(status=429, headers={"Retry-After": "2"}, body=problem)
        else:
            await route.continue_()

    await page.route("**/jobs/echo", overload)
    await page.evaluate("sooner.submit('echo', {})")
    # No claim about speed: the client must not come back before it was told to.
    assert times[1] - times[0] >= 2


async def test_refusals_are_typed(page: Page) -> None:
    outcome = await page.evaluate("told(sooner.submit('sleep', {seconds: 'long'}))")
    assert outcome["error"] == "ProblemError"
    assert outcome["cause"]["status"] == 422
    assert outcome["cause"]["errors"][0]["pointer"] == "#/seconds"


async def test_a_failed_job_is_a_job_error(page: Page) -> None:
    outcome = await page.evaluate(
        "told(sooner.submit('fail', {message: 'no luck'}).then((job) => job.result()))"
    )
    assert (outcome["error"], outcome["message"]) == ("JobError", "no luck")
    assert outcome["cause"]["state"] == "error"


async def test_a_cancelled_job_is_a_job_error(page: Page) -> None:
    outcome = await page.evaluate(
        """async () => {
            const job = await sooner.submit("sleep", {seconds: 60}, {wait: 0});
            const result = told(job.result());
            await job.cancel();
            return await result;
        }"""
    )
    assert (outcome["error"], outcome["message"]) == ("JobError", "cancelled")


async def test_a_cancellation_whose_answer_is_lost_is_one(page: Page) -> None:
    tries = 0

    async def lose_the_first_answer(route: Route) -> None:
        nonlocal tries
        tries += 1
        if tries > 1:
            await route.continue_()
        else:
            await route.fetch()
            await route.abort("connectionreset")

    await page.route("**/cancel*", lose_the_first_answer)
    state = await page.evaluate(
        """async () => {
            const job = await sooner.submit("sleep?delay=60", {seconds: 60}, {wait: 0});
            await job.cancel();
            return job.document.state;
        }"""
    )
    assert (tries, state) == (2, "cancelled")


async def test_a_job_that_is_done_cannot_be_cancelled(page: Page) -> None:
    outcome = await page.evaluate("told(sooner.submit('echo', {}, {wait: 25}).then((job) => job.cancel()))")
    assert (outcome["error"], outcome["cause"]["status"]) == ("ProblemError", 409)


async def test_abort_ends_the_waiting_and_not_the_job(page: Page, service: Service) -> None:
    outcome: dict[str, Any] = await page.evaluate(
        """async () => {
            const controller = new AbortController();
            const {signal} = controller;
            const job = await sooner.submit("sleep", {seconds: 3}, {wait: 0, signal, onProgress: note});
            const result = told(job.result());
            controller.abort();
            return {...await result, url: job.url};
        }"""
    )
    assert outcome["error"] == "DOMException"
    resumed = await page.evaluate("(url) => sooner.resume(url).then((job) => job.result())", outcome["url"])
    assert resumed == {"slept": 3}


async def test_the_capability_address_alone_resumes(page: Page, windows: Windows) -> None:
    url = await page.evaluate("sooner.submit('sleep', {seconds: 2}, {wait: 0}).then((job) => job.url)")
    other = await windows.open("/livez")
    result = await other.evaluate(
        """async (url) => {
            const {Sooner} = await import("/static/sooner.js");
            return (await new Sooner().resume(url)).result();
        }""",
        url,
    )
    assert result == {"slept": 2}


async def test_a_forged_address_is_refused(page: Page) -> None:
    url = await page.evaluate("sooner.submit('echo', {}).then((job) => job.url)")
    outcome = await page.evaluate("(url) => told(sooner.resume(url))", url.replace("access=", "access=f"))
    assert outcome["cause"]["status"] == 401


async def test_the_connection_is_lost_and_comes_back(page: Page) -> None:
    await page.evaluate(
        """async () => {
            const job = await sooner.submit("sleep", {seconds: 4, steps: 8}, {wait: 0, onProgress: note});
            window.end = told(job.result());
        }"""
    )
    await page.context.set_offline(True)
    await asyncio.sleep(1)
    await page.context.set_offline(False)
    assert await page.evaluate("end") == {"value": {"slept": 4}}


async def test_a_token_may_come_from_the_applications_own_server(page: Page, api_key: MakeKey) -> None:
    key = await api_key()
    result = await page.evaluate(
        """async (key) => {
            const asking = new client.Sooner({token: async () => key});
            return (await asking.submit("echo", {b: 2})).result();
        }""",
        key,
    )
    assert result == {"b": 2}
