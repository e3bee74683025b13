"""The measures that a web process takes of itself, beside those of its requests."""

import asyncio

from sooner.db import Database, Replica
from sooner.process.metrics import note_loop_lag, note_pool

#: The seconds between two looks.
LOOK_SECONDS = 0.5


async def forever(database: Database, replica: Replica) -> None:
    """Note how the pools are used and how late the event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        for name, use in (("primary", database.use), ("replica", replica.use)):
            if use is not None:
                note_pool(name, open=use.open, in_use=use.in_use, waiting=use.waiting)
        due = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        note_loop_lag(max(0.0, loop.time() - due))
