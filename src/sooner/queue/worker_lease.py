"""The worker's lease: one row a process, extended by a heartbeat, under which the process holds all its jobs.

The heartbeat runs on a thread with a connection of its own. So an actor that blocks the event loop by mistake delays its
own process, but other workers do not take its jobs. If it blocks for longer than the lease, the watchdog ends the process.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
import psycopg2
import psycopg2.extensions

from sooner.db import Queries, Query
from sooner.db.retry import while_held
from sooner.process import logs
from sooner.process.settings import address
from sooner.queue.ids import uuid7
from sooner.queue.lane import LAST, LIMITED
from sooner.queue.transitions import TRANSITIONS

log = logs.get(__name__)

SQL = Queries("sooner.queue", "sql/worker_lease.sql")

Connect = Callable[[], psycopg2.extensions.connection]

#: The crashes after which a job ends.
MOST_CRASHES = 3

WORKER_LOST = orjson.dumps(
    {
        "type": "worker-lost",
        "title": "The worker was lost",
        "detail": f"The worker process that ran this job died, or ran out of memory, {MOST_CRASHES} times.",
    }
).decode()


class WorkerLease:
    """Holds this process's lease, takes away expired leases, and puts back the jobs held under them.

    `on_lost` is called from the heartbeat's thread when the lease was taken away: the jobs that the process still runs
    are no longer its own. The process goes on under a new lease with another `id`.

    `actors` are the actors of this code, each with its queue; `claims` are the lanes that it claims from, each with its
    actors; `declared` are the unusual options of actors; `callbacks` are the actors that are called where an actor fails.
    `connect` opens its connection.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        seconds: float,
        retention: float,
        queues: Sequence[str],
        tasks: int,
        threads: int,
        on_lost: Callable[[], None],
        actors: Mapping[str, str] | None = None,
        claims: Mapping[str, Sequence[str]] | None = None,
        declared: Mapping[str, Mapping[str, Any]] | None = None,
        callbacks: Mapping[str, str] | None = None,
    ) -> None:
        self.id: UUID = uuid7()
        self._connect = connect
        self._seconds = seconds
        self._retention = retention
        self._queues = list(queues)
        self._capacity = {"tasks": tasks, "threads": threads}
        self._known = {
            "actors": orjson.dumps(actors or {}).decode(),
            "claims": orjson.dumps(claims or {}).decode(),
            "declared": orjson.dumps(declared or {}).decode(),
        }
        self._callbacks = orjson.dumps(callbacks or {}).decode()
        self._on_lost = on_lost
        self._held_until = 0.0
        self._answered_at = time.monotonic()
        self._patient_until = 0.0
        self._ended = threading.Event()
        self._connection: psycopg2.extensions.connection | None = None
        self._thread = threading.Thread(target=self._beat_forever, name="lease", daemon=True)

    def is_held(self) -> bool:
        """Whether the lease is certainly still ours. A process that was frozen sees at once that it is not."""
        return time.monotonic() < self._held_until

    def begin(self) -> None:
        """Take the lease. Raises psycopg2.OperationalError when the database stays away."""
        deadline = time.monotonic() + 30
        for attempt in while_held(lambda: time.monotonic() < deadline):
            with attempt:
                self._register()
        self._thread.start()

    def end(self) -> None:
        """Give up the lease."""
        self._ended.set()
        self._thread.join()
        try:
            self._run(SQL.retire, worker=str(self.id))
        except psycopg2.Error as error:
            log.warning("lease not given up, it runs out by itself", error=str(error))
        if self._connection is not None:
            self._connection.close()

    def _register(self) -> None:
        began = time.monotonic()
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._run(
            SQL.register,
            worker=str(self.id),
            name=name,
            queues=self._queues,
            seconds=self._seconds,
            **self._capacity,
            **self._known,
        )
        self._held_until = began + self._seconds

    def _beat_forever(self) -> None:
        while not self._ended.wait(min(self._seconds / 5, 2)):
            try:
                for attempt in while_held(lambda: not self._ended.is_set()):
                    with attempt:
                        self._beat()
            except Exception:
                log.exception("heartbeat failed")

    def _beat(self) -> None:
        began = time.monotonic()
        if self._run(SQL.beat, worker=str(self.id), seconds=self._seconds):
            self._held_until = began + self._seconds
            self.recover()
        else:
            self._lose()

    def _lose(self) -> None:
        log.error(
            "lease lost: this process was frozen or cut off for longer than its lease", worker=str(self.id)
        )
        self._held_until = 0
        self._on_lost()
        self.id = uuid7()
        self._register()

    def recover(self) -> None:
        """Take away expired leases, and put back every job that no living worker holds."""
        if time.monotonic() >= self._patient_until:
            for _, name in self._run(SQL.bury):
                log.warning("worker lost", name=name)
        rows = self._run(
            TRANSITIONS.recover,
            most_crashes=MOST_CRASHES,
            last=LAST,
            limited=LIMITED,
            error=WORKER_LOST,
            callbacks=self._callbacks,
            retention=self._retention,
        )
        for id, state, crashes, *_ in rows:
            log.warning("job recovered from a lost worker", job=id, state=state, crashes=crashes)

    def _run(self, query: Query, **values: Any) -> list[tuple[Any, ...]]:
        try:
            with self._cursor() as cursor:
                cursor.execute(query.pyformat, values)
                rows = list(cursor.fetchall())
        except psycopg2.Error:
            # Any error, even of a server that has become a standby, closes the connection: the next try opens another.
            if self._connection is not None:
                self._connection.close()
            raise
        self._note_answer()
        return rows

    def _note_answer(self) -> None:
        """While the database was away, the other workers' leases expired too: they get as long again to come back."""
        now = time.monotonic()
        if now - self._answered_at > self._seconds / 2:
            self._patient_until = now + self._seconds
        self._answered_at = now

    def _cursor(self) -> psycopg2.extensions.cursor:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection.cursor()


def connected(url: str) -> psycopg2.extensions.connection:
    """A connection for a lease, whose statements are transactions of their own."""
    connection: psycopg2.extensions.connection = psycopg2.connect(
        url,
        **address.unless_named(
            url,
            application_name="sooner lease",
            connect_timeout=5,
            **address.NOTICED,
        ),
    )
    connection.autocommit = True
    return connection
