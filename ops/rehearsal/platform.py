"""The platform: it releases the project's files, starts what is new, routes to it, and ends what is old."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from ops.rehearsal.release import PROCESSES, Release
from ops.rehearsal.router import Router
from sooner.local.console import say
from sooner.local.environments import common_environment

if TYPE_CHECKING:
    from pathlib import Path

#: The seconds between the last connection that is routed to an old web process and its SIGTERM.
DRAIN_SECONDS = 1.0
#: What a platform's plan would set.
SETTINGS = {
    "DIAGNOSTICS": "1",
    "HOST": "127.0.0.1",
    "LOG_FORMAT": "text",
    "LOG_LEVEL": "warning",
    "SCHEDULES": "ops.rehearsal.schedules",
    "SHUTDOWN_TIMEOUT_SECONDS": "25",
}


class Platform:
    """Deploys of one service on one database."""

    def __init__(self, database_url: str) -> None:
        self.router = Router()
        self.killed: list[str] = []
        self._current: Release | None = None
        self._number = 0
        common = {**common_environment(database_url), **SETTINGS}
        web = {**common, "LINK_SIGNING_KEY": secrets.token_urlsafe(32)}
        self.environments = {"release": common, "web": web, "worker": common, "scheduler": common}

    async def deploy(self, root: Path) -> None:
        """Put a release to work: old and new processes overlap, one after another. Raises DeployError."""
        self._number += 1
        former, new = self._current, Release(f"v{self._number}", root, self.environments)
        self._current = new
        try:
            await new.prepare()
            for name in PROCESSES:
                await new.start(name)
                if name == "web":
                    self.router.target = new.port
                    await asyncio.sleep(DRAIN_SECONDS)
                if former is not None:
                    say(
                        f"{name} of v{self._number - 1} ended after {await former.end(name):.1f} s",
                        name="platform",
                    )
        finally:
            if former is not None:
                await former.stop()
                self.killed += former.killed
        say(f"v{self._number} is deployed", name="platform")

    async def stop(self) -> None:
        """End everything."""
        if self._current is not None:
            await self._current.stop()
            self.killed += self._current.killed
