"""Workers that are killed, frozen and started again."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
from typing import TYPE_CHECKING, Self

import asyncpg

if TYPE_CHECKING:
    from types import TracebackType

    from tests.support.processes import Process, Processes

ACTORS = "src.actors tests.faults.actors"

HELD = """
select count(*) from dramatiq.queue
where state = 'consumed' and worker in (select id from sooner.worker where name = any($1))
"""


class Workers:
    """So many workers, each started again when it ends, as a platform does.

    `killed` counts the kills, `held` the jobs that the killed ones held at that moment.
    """

    def __init__(self, processes: Processes, url: str, count: int = 2) -> None:
        self.killed = 0
        self.held = 0
        self._processes = processes
        self._url = url
        self._count = count
        self._running: dict[int, Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False

    async def __aenter__(self) -> Self:
        started = await asyncio.gather(*(self._processes.worker(module=ACTORS) for _ in range(self._count)))
        self._running = dict(enumerate(started))
        self._tasks = [asyncio.create_task(self._keep(place)) for place in self._running]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self._running.values():
            await worker.kill()

    async def _keep(self, place: int) -> None:
        while True:
            await self._running[place].exit(timeout=3600)
            self._running[place] = await self._processes.worker(ready=False, module=ACTORS)

    def any(self) -> Process:
        """One of them that runs."""
        return random.choice([worker for worker in self._running.values() if worker.tree()])

    async def kill_one(self) -> None:
        """SIGKILL to one of them, master and children at once."""
        worker = self.any()
        names = names_of(worker)
        worker.send_group(signal.SIGKILL)
        self.killed += 1
        self.held += await self._held_by(names)

    async def freeze_one(self, seconds: float) -> None:
        """Stop one of them for a while: it holds its jobs as a dead one does."""
        worker = self.any()
        worker.send_group(signal.SIGSTOP)
        self.killed += 1
        self.held += await self._held_by(names_of(worker))
        await asyncio.sleep(seconds)
        worker.send_group(signal.SIGCONT)

    async def held_now(self) -> int:
        """How many jobs all of them hold."""
        return await self._held_by([name for worker in self._running.values() for name in names_of(worker)])

    async def _held_by(self, names: list[str]) -> int:
        connection = await asyncpg.connect(self._url)
        try:
            return int(await connection.fetchval(HELD, names))
        finally:
            await connection.close()


def names_of(worker: Process) -> list[str]:
    """What the processes of a worker call themselves in their leases."""
    return [f"{socket.gethostname()}:{process.pid}" for process in worker.tree()]
