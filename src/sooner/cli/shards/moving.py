"""`shards move`: a tenant comes to a shard while it works, or back."""

import asyncio
import signal
import sys

from sooner.cli.shards.links import ShardLinks
from sooner.cli.terminal import plain, say
from sooner.jobs.moving.move_end import MoveHalted
from sooner.jobs.moving.mover import Mover


async def move(links: ShardLinks, tenant: str, to: str) -> bool | None:
    """Move a tenant; whether it was moved, None where a signal stopped it: where it is not switched it works on at once."""
    mover = Mover(links.urls, links.home, tenant, say=_say)
    moving = asyncio.create_task(mover.move(to))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, moving.cancel)
    try:
        await moving
    except MoveHalted as halt:
        say(f"{halt} {mover.advice}".rstrip(), sys.stderr)
        return False
    except asyncio.CancelledError:
        say(f"Stopped. {mover.advice}".rstrip(), sys.stderr)
        return None
    return True


def _say(line: str) -> None:
    print(plain(line), flush=True)
