"""The durations of the last runs, as workers record them."""

import asyncio
from collections import deque

from sooner.db import Link, Queries, Unavailable
from sooner.process import logs

log = logs.get(__name__)

SQL = Queries("sooner.jobs.forecasting", "sql/forecast.sql")

#: The runs kept for each actor: more add little, and older runs may no longer be typical.
LAST_RUNS = 100

NOTE_SECONDS = 1.0


class DurationLog:
    """Collects durations of runs and writes them once a second, all of a process in one statement."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._runs: dict[str, deque[float]] = {}
        self._writing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._writing = asyncio.create_task(self._write_forever())

    async def stop(self) -> None:
        """Write the remaining durations."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            await self._write()

    def note(self, actor: str, seconds: float) -> None:
        """Note the duration of a run that has ended."""
        runs = self._runs.get(actor)
        if runs is None:
            runs = self._runs[actor] = deque(maxlen=LAST_RUNS)
        runs.append(seconds)

    async def _write_forever(self) -> None:
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            await self._write()

    async def _write(self) -> None:
        runs, self._runs = self._runs, {}
        if not runs:
            return
        pairs = [(actor, seconds) for actor, last in runs.items() for seconds in last]
        try:
            await self._link.fetch(
                SQL.note,
                actor=[actor for actor, _ in pairs],
                seconds=[seconds for _, seconds in pairs],
                most=LAST_RUNS,
            )
        except Unavailable as error:
            log.warning("durations of runs not noted", error=str(error))
        except Exception:
            log.exception("durations of runs not noted")
