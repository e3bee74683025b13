"""The measures that a web process takes of itself, beside those of its requests."""

import asyncio
from collections.abc import Iterable

from sooner.process.metrics import note_loop_lag, note_pool
from sooner.web.shard import Shard

#: The seconds between two looks.
LOOK_SECONDS = 0.5


async def forever(shards: Iterable[Shard]) -> None:
    """Note how the pools are used and how late the event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        for shard in shards:
            for name, use in (("primary", shard.database.use), ("replica", shard.replica.use)):
                if use is not None:
                    note_pool(name, shard.name, open=use.open, in_use=use.in_use, waiting=use.waiting)
        due = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        note_loop_lag(max(0.0, loop.time() - due))
