"""Fixtures of the browser tests."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from tests.support import browser
from tests.support.missing import missing
from tests.support.npm import install

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Page

    from tests.conftest import MakeKey, Service

#: A wait for something that must happen gives up after this many milliseconds.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """One Chromium for the run."""
    if browser.CHROMIUM is None:
        missing("Chromium is not installed")
    with browser.chromium() as address:
        yield address


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TypeScript and axe-core."""
    return install(tmp_path_factory.mktemp("npm"), "typescript", "axe-core")


@dataclass
class Windows:
    """Opens windows on the service. `faults` gathers what their pages threw."""

    browser: Browser
    url: str
    stack: contextlib.AsyncExitStack
    faults: list[str]

    async def context(self, **options: Any) -> BrowserContext:
        """A profile of its own: other storage, other cookies."""
        context = await self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(PATIENCE)
        self.stack.push_async_callback(context.close)
        return context

    async def open(self, path: str = "/", *, context: BrowserContext | None = None, **options: Any) -> Page:
        """A window at an address of the service."""
        page = await (context or await self.context(**options)).new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._note_refused)
        await page.goto(path)
        return page

    def _note_refused(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
            self.faults.append(message.text)


@contextlib.asynccontextmanager
async def windows_on(url: str, chromium: str) -> AsyncIterator[Windows]:
    """Windows on a web process; a page that throws, or breaks its own policy, fails the test."""
    async with contextlib.AsyncExitStack() as stack:
        connection = await stack.enter_async_context(browser.connected(chromium))
        windows = Windows(connection, url, stack, [])
        yield windows
        assert windows.faults == []


@pytest.fixture
async def windows(chromium: str, service: Service) -> AsyncIterator[Windows]:
    """Windows on a service with web and worker, see `windows_on`."""
    async with windows_on(service.web.url, chromium) as windows:
        yield windows


@pytest.fixture
async def admin_key(api_key: MakeKey) -> str:
    """A key of the operators."""
    return await api_key("ops", scopes=("jobs", "admin"))
