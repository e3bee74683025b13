"""The check of an address, as it is kept."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import PATIENCE

#: A name's server that answers never; literal addresses need none.
SLOW = """
import asyncio, socket, threading
import httpx
from sooner.outgoing import network, reach

resolve = socket.getaddrinfo
socket.getaddrinfo = lambda *most, flags=0, **more: (
    resolve(*most, flags=flags, **more) if flags else threading.Event().wait()
)
reach.RESOLVE_SECONDS = 0.1

async def main():
    await asyncio.gather(*(reach.check_reach(f"https://slow{n}.example/") for n in range(20)))
    network.RESOLVE_SECONDS = 0.1
    try:
        await network.Network().resolve(httpx.URL("https://slow.example/"))
    except httpx.ConnectTimeout:
        print("checked", await asyncio.to_thread(lambda: "at once"))

asyncio.run(main())
"""


def test_a_name_that_resolves_never_holds_up_nothing_else() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOW], capture_output=True, text=True, check=True, timeout=PATIENCE
    )

    assert done.stdout == "checked at once\n", done.stderr
