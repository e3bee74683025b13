"""Notifications, heard by a connection that outlives a test's event loop."""

import asyncio
from collections.abc import Callable, Mapping

import psycopg2
from psycopg2.extensions import connection
from psycopg2.sql import SQL, Identifier

from sooner.db.listen import Handler


class KeptListener:
    """Hears the channels of handlers; the connection goes on to listen to them after the test."""

    def __init__(
        self, opened: connection, handlers: Mapping[str, Handler], resync: Callable[[], None]
    ) -> None:
        self._connection = opened
        self._handlers = handlers
        self._resync = resync
        self._descriptor: int | None = None

    def start(self) -> None:
        """Begin to hear."""
        with self._connection.cursor() as cursor:
            cursor.execute("select pg_listening_channels()")
            known = {channel for (channel,) in cursor.fetchall()}
            if more := sorted(self._handlers.keys() - known):
                cursor.execute(
                    SQL("; ").join(SQL("listen {}").format(Identifier(channel)) for channel in more)
                )
        # Those of the test before.
        self._connection.notifies.clear()
        self._descriptor = self._connection.fileno()
        asyncio.get_running_loop().add_reader(self._descriptor, self._hear)
        self._resync()

    async def stop(self) -> None:
        """Hear no more."""
        self._leave()

    def _leave(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._descriptor = None

    def _hear(self) -> None:
        try:
            self._connection.poll()
        except psycopg2.Error:
            # Its descriptor stays readable. The next listener has a new connection.
            self._leave()
            return
        heard, self._connection.notifies[:] = list(self._connection.notifies), []
        for each in heard:
            if (handler := self._handlers.get(each.channel)) is not None:
                handler(each.payload)
