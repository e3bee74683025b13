"""dramatiq-pg's broker with our own statements."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import dramatiq
import orjson
import psycopg2
import psycopg2.errors
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.message import Message
from dramatiq.middleware import Middleware
from dramatiq_pg import PostgresBroker
from dramatiq_pg.utils import make_pool, pool_sanitizer, retry_pg
from psycopg2.extensions import parse_dsn

from sooner.db import Query, transient
from sooner.db.retry import unavailable
from sooner.process.settings import CodeSettings, address, read
from sooner.queue.enqueue import SQL, LimitRow
from sooner.queue.lane import Lane, check_queue
from sooner.queue.prepared import PreparingConnection, fetched


class Placement(NamedTuple):
    """The placement of a message: its lane, its limit, its unique key, and its priority."""

    lane: Lane
    limit: LimitRow | None = None
    unique_key: str | None = None
    priority: int = 1


class Origin(NamedTuple):
    """The values that a message inherits from the job whose code sends it."""

    tenant: str | None = None
    request_id: str | None = None
    traceparent: str | None = None
    parent: UUID | None = None
    #: Whether it is a running job's code: it may submit while its tenant leaves for another database.
    of_job: bool = False


class Outcome(NamedTuple):
    """The result and error of a final job, as JSON texts."""

    result: str | None
    error: str | None


#: The connections of a process's synchronous code: further threads wait for a connection.
MOST_CONNECTIONS = 16

#: Stands for the pool until `Broker.open`.
NOT_OPEN: Any = object()


class Broker(PostgresBroker):  # type: ignore[misc]  # dramatiq-pg has no types
    """Declares actors and queues as dramatiq-pg does; messages come from the worker's own claims.

    `placement` returns the placement of a message, from its actor, arguments and tenant; `origin` returns the job whose
    code is running. Nothing is connected before `open`, or before the first message where the environment has DATABASE_URL.
    """

    def __init__(
        self,
        middleware: Sequence[Middleware],
        placement: Callable[[Any, tuple[Any, ...], Mapping[str, Any], str | None], Placement],
        origin: Callable[[], Origin] = Origin,
    ) -> None:
        super().__init__(pool=NOT_OPEN, results=False, middleware=list(middleware))
        self._placement = placement
        self._origin = origin
        self._retention = 0.0
        self._opening = threading.Lock()
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def open(self, url: str, *, retention: float, direct: bool = True) -> None:
        """Connect, so that synchronous code of this process can enqueue (`actor.send()`).

        Without `direct`, a transaction-mode pooler may stand between: no statement is prepared.
        """
        # make_pool would read an address in another way than libpq does.
        options = {"connect_timeout": "5", **address.NOTICED, **parse_dsn(url)}
        factory = PreparingConnection if direct else None
        self.pool = make_pool({**options, "connection_factory": factory}, maxconn=MOST_CONNECTIONS + 1)
        self._retention = retention

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue. Delayed messages need no queue of their own: they wait in the table.

        Raises ValueError for an unfit name.
        """
        check_queue(queue_name)
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = True
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> "AckConsumer":
        """The consumer of a queue, which only carries endings back."""
        return AckConsumer(timeout / 1000)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message, due after `delay` milliseconds, from synchronous code.

        Where the actor is unique and such a job exists, the result is that job's message. Raises RuntimeError in an event loop,
        TenantMoves.
        """
        refuse_in_loop(
            f"sending a message to {message.actor_name}",
            f"await submit({message.actor_name}, {{…}}) (from sooner import submit)",
        )
        self.emit_before("enqueue", message, delay)
        if (id := self._insert(message, delay)) != message.message_id:
            message = message.copy(message_id=id)
        self.emit_after("enqueue", message, delay)
        return message

    def outcome(self, id: UUID) -> Outcome | None:
        """The outcome of a job; None where it is not final, or not there."""
        rows = self._run(SQL.outcome, id=str(id))
        return Outcome(*rows[0]) if rows else None

    def _insert(self, message: Message[Any], delay: int | None) -> str:
        origin = self._origin()
        args, kwargs = tuple(message.args), message.kwargs
        placement = self._placement(self.get_actor(message.actor_name), args, kwargs, origin.tenant)
        if placement.limit is not None:
            self._run(SQL.limits, **{name: [value] for name, value in asdict(placement.limit).items()})
        [(id,)] = self._run(
            SQL.enqueue_one,
            id=message.message_id,
            queue=placement.lane.queue,
            lane=placement.lane.name,
            actor=message.actor_name,
            # A message's own `asdict` takes five times as long.
            message=orjson.dumps({**vars(message), "unchecked": True}).decode(),
            tenant=origin.tenant,
            priority=placement.priority,
            request_id=origin.request_id,
            traceparent=origin.traceparent,
            parent=None if origin.parent is None else str(origin.parent),
            delay=None if delay is None else timedelta(milliseconds=delay),
            retention=self._retention,
            limit_key=None if placement.limit is None else placement.limit.key,
            unique_key=placement.unique_key,
            of_job=origin.of_job,
        )
        return str(id)

    def _run(self, query: Query, **values: Any) -> list[tuple[Any, ...]]:
        if self.pool is NOT_OPEN:
            self._open_by_environment()
        try:
            return self._execute(query, {**values, "word": None})
        except psycopg2.errors.ObjectInUse as error:
            raise unavailable(error) from None
        except psycopg2.Error as error:
            if not transient(error) and not isinstance(error, psycopg2.errors.UniqueViolation):
                raise
            # The first try may have added the job, and its answer may be lost; or the same message was sent before.
            rows: list[tuple[Any, ...]] = self._insist(query, {**values, "word": ""})
            return rows

    def _execute(self, query: Query, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement as a transaction of its own, in one round trip; the result is its rows."""
        with self._connections:
            connection = self.pool.getconn()
            try:
                connection.autocommit = True
                return fetched(connection, query, values)
            finally:
                self.pool.putconn(connection)

    @retry_pg  # type: ignore[untyped-decorator]  # dramatiq-pg has no types
    def _insist(self, query: Query, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with pool_sanitizer(self.pool):
            return self._execute(query, values)

    def _open_by_environment(self) -> None:
        with self._opening:
            if self.pool is NOT_OPEN:
                settings = read(CodeSettings)
                seconds = settings.job_retention_days * 86400
                self.open(settings.database_url, retention=seconds, direct=settings.listen)


def refuse_in_loop(what: str, instead: str) -> None:
    """Raises RuntimeError, with the code to write instead, where the call would hold up an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{what} here would hold up the event loop: write `{instead}`")


class AckConsumer(Consumer):
    """Takes finished messages from dramatiq's threads; it yields no messages itself.

    Claims put messages on the worker's queue directly, which saves a thread hop a job.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._closed = threading.Event()

    def __next__(self) -> None:
        self._closed.wait(self._seconds)

    def ack(self, message: MessageProxy) -> None:
        """The message's actor has ended."""
        message.settle()

    def nack(self, message: MessageProxy) -> None:
        """A middleware has failed the message."""
        message.settle()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back messages that no thread has taken."""
        for message in messages:
            message.give_back()

    def close(self) -> None:
        """Let the consumer's thread go."""
        self._closed.set()


def message_of(
    row: Any, kwargs: dict[str, Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Message[Any]:
    """The dramatiq message of a claimed row; the row's columns take precedence over the stored message."""
    id: UUID = row["message_id"]
    return dramatiq.Message(
        queue_name=row["queue_name"],
        actor_name=row["actor"],
        args=args,
        kwargs=kwargs,
        options=options,
        message_id=str(id),
        message_timestamp=int(row["created_at"].timestamp() * 1000),
    )
