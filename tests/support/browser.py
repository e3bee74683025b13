"""A real Chromium, started once a run; each test has windows of its own that share nothing."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from playwright.async_api import Browser

START_SECONDS = 60
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def chromium() -> Iterator[str]:
    """The address at which a Chromium takes orders, gone afterwards."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(prefix="sooner-chromium-", ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield f"http://127.0.0.1:{_port(process, Path(profile, 'DevToolsActivePort'))}"
        finally:
            process.terminate()
            process.wait()


def _port(process: subprocess.Popen[bytes], said: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if said.exists() and (lines := said.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.05)
    raise TimeoutError(f"Chromium did not start (exit code {process.poll()})")


@asynccontextmanager
async def connected(address: str, **options: Any) -> AsyncIterator[Browser]:
    """The Chromium at an address."""
    async with async_playwright() as playwright:
        yield await playwright.chromium.connect_over_cdp(address, **options)
