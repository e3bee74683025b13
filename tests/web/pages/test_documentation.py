"""The examples of README and guides that run in a browser: in one, on a page of another origin whose server hands out tokens."""

from __future__ import annotations

import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import pytest
from playwright.async_api import expect

from tests.support.documentation import Example, examples
from tests.support.npm import install

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from playwright.async_api import Page

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes
    from tests.web.pages.conftest import Windows

pytestmark = pytest.mark.browser

LOGGED = {
    "readme": "[Hello, Ada]",
    "browser": "{slept: 4}",
    "output": "Once upon a time there was a fox. ",
}
#: What stands around a hook of React's: a component that shows its result.
REACT = """
<main></main>
<script src="/react.js"></script>
<script src="/react-dom.js"></script>
<script type="module">
  import { Sooner } from "https://sooner.example/static/sooner.js";
  const { useState, useEffect, createElement, StrictMode } = React;
  const sooner = new Sooner({ base: "https://sooner.example/", token: () => fetch("/my-token").then((r) => r.text()) });
  %s
  const Greeting = () => createElement("p", null, useJob("greet", { name: "Ada" }).result?.join());
  ReactDOM.createRoot(document.querySelector("main")).render(createElement(StrictMode, null, createElement(Greeting)));
</script>
"""


class Site(NamedTuple):
    """Files that a server gives out, and its origin."""

    folder: Path
    origin: str


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The other origin's server."""
    folder = tmp_path / "site"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Site(folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.fixture
async def show(
    windows: Windows, site: Site, processes: Processes, api_key: MakeKey, connect: Connect, tmp_path: Path
) -> Callable[[str], Awaitable[Page]]:
    """Opens a window on a page of the other origin; `https://sooner.example/` in it is a service with the README's actor and that of the page on output."""
    package = tmp_path / "modules" / "examples"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for example in (examples("python")[0], *(each for each in examples("python") if each.page == "output")):
        (package / f"{example.page}.py").write_text(example.text)
    modules = str(package.parent)
    web = await processes.web(ACTORS="examples", PYTHONPATH=modules, CORS_ALLOW_ORIGINS=site.origin)
    await processes.worker(ACTORS="examples", PYTHONPATH=modules)
    token = (await connect(web, await api_key()).post("/tokens", json={})).json()["token"]
    (site.folder / "my-token").write_text(token)

    async def show(text: str) -> Page:
        page = text.replace("https://sooner.example/", f"{web.url}/")
        (site.folder / "index.html").write_text(f"<!doctype html><title>x</title>{page}")
        return await windows.open("about:blank")

    return show


@pytest.mark.parametrize("example", examples("html"), ids=lambda example: example.page)
async def test_a_page_logs_its_jobs_result(
    show: Callable[[str], Awaitable[Page]], site: Site, example: Example
) -> None:
    page = await show(example.text)
    async with page.expect_console_message(lambda message: message.text == LOGGED[example.page]):
        await page.goto(site.origin)


@pytest.mark.parametrize("example", examples("js"), ids=lambda example: example.page)
async def test_a_hook_brings_its_jobs_result(
    show: Callable[[str], Awaitable[Page]], site: Site, example: Example, tmp_path: Path
) -> None:
    modules = install(tmp_path, "react@18", "react-dom@18")
    for name in ("react", "react-dom"):
        shutil.copy(modules / name / "umd" / f"{name}.development.js", site.folder / f"{name}.js")
    page = await show(REACT % example.text)
    await page.goto(site.origin)
    await expect(page.locator("p")).to_have_text("Hello, Ada")
