"""The platform's router: one address in front of the newest web process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ops.rehearsal.pump import pump, serving

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator


class Router:
    """Passes each connection to the web process that is the target when it comes; those under way stay where they are."""

    def __init__(self) -> None:
        self.target = 0
        self.url = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen at `url`."""
        async with serving(self._route) as port:
            self.url = f"http://127.0.0.1:{port}"
            yield

    async def _route(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        await pump(client, to_client, "127.0.0.1", self.target)
