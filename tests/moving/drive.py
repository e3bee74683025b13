"""`python -m tests.moving.drive TENANT TO`: the mover, with little time to settle, for tests that kill it."""

import asyncio
import os
import sys

from sooner.jobs.moving.move_end import MoveHalted
from sooner.jobs.moving.mover import Mover
from sooner.process.settings import shards


async def main() -> None:
    """Move; exit 1 where the move halts."""
    urls = shards.read(os.environ["DATABASE_URLS"])
    assert isinstance(urls, dict)
    _, tenant, to = sys.argv
    try:
        await Mover(urls, "home", tenant, settle_seconds=0.2).move(to)
    except MoveHalted as halt:
        sys.exit(str(halt))


if __name__ == "__main__":
    asyncio.run(main())
