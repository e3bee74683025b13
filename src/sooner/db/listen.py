"""Notifications: one LISTEN connection a process."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from uuid import uuid4

import asyncpg

from sooner.db import link, retry
from sooner.process import logs

log = logs.get(__name__)

Handler = Callable[[str], None]

#: A silent connection may be dead: the seconds between two probes.
PROBE_SECONDS = 10


class Listener:
    """Listens on channels, hands each payload to its handler, and reconnects.

    It calls `lagged` with the seconds that a notification of its own takes to arrive, at once and then with each probe.

    It calls `resync` after every connection: the notifications in between are lost, so the owner looks at the table.
    """

    def __init__(
        self,
        url: str,
        name: str,
        handlers: Mapping[str, Handler],
        resync: Callable[[], None] = lambda: None,
        *,
        lagged: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._url = url
        self._name = f"{name} listen"
        self._probe = f"sooner.probe.{uuid4().hex}"
        self._probed_at = 0.0
        self._lagged = lagged
        self._handlers = {**handlers, self._probe: self._arrived}
        self._resync = resync
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen in the background."""
        self._task = asyncio.create_task(retry.unforeseen("listening")(self._listen_forever))

    async def ready(self) -> None:
        """Wait until it listens on the channels."""
        await self._listening.wait()

    async def stop(self) -> None:
        """Stop listening and close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen_forever(self) -> None:
        while True:
            connection: link.Connection = await retry.forever()(link.connect, self._url, self._name)
            try:
                await self._serve(connection)
            except retry.TRANSIENT as error:
                log.warning("listening connection lost", error=str(error) or type(error).__name__)
            finally:
                self._listening.clear()
                connection.terminate()

    async def _serve(self, connection: link.Connection) -> None:
        closed = asyncio.Event()
        connection.add_termination_listener(lambda _: closed.set())
        for channel, handler in self._handlers.items():
            await connection.add_listener(channel, _deliver(handler))
        self._listening.set()
        self._resync()
        while not closed.is_set():
            self._probed_at = asyncio.get_running_loop().time()
            await connection.execute(f'notify "{self._probe}"', timeout=link.CONNECT_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), PROBE_SECONDS)
        raise asyncpg.ConnectionDoesNotExistError("closed by the server")

    def _arrived(self, payload: str) -> None:
        self._lagged(asyncio.get_running_loop().time() - self._probed_at)


def _deliver(handler: Handler) -> Callable[[object, int, str, object], None]:
    def deliver(connection: object, pid: int, channel: str, payload: object) -> None:
        handler(str(payload))

    return deliver
