"""dramatiq-pg's broker with our own way to the table."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple
from uuid import UUID

import dramatiq
import orjson
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.message import Message
from dramatiq.middleware import Middleware
from dramatiq_pg import PostgresBroker
from dramatiq_pg.utils import make_pool, retry_pg, transaction
from psycopg2.extensions import parse_dsn

from sooner.db import bound
from sooner.queue.batch import Batch, JobKind, NewJob
from sooner.queue.enqueue import KEY_ROUNDS, SQL, LimitRow
from sooner.queue.lane import Lane, check_queue


class Placement(NamedTuple):
    """Where a message is to lie: the lane it is claimed from, what limits it, and of which key there may be one."""

    lane: Lane
    limit: LimitRow | None = None
    unique_key: str | None = None


class Broker(PostgresBroker):  # type: ignore[misc]  # dramatiq-pg has no types
    """Declares actors and queues as dramatiq-pg does; messages come from the worker's own claims.

    `placement` says where a message of an actor, with its arguments, is to lie. Nothing is connected before `open`.
    """

    def __init__(
        self,
        middleware: Sequence[Middleware],
        placement: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Placement],
    ) -> None:
        super().__init__(pool=_Unopened(), results=False, middleware=list(middleware))
        self._placement = placement
        self._retention = 0.0

    def open(self, url: str, *, retention: float) -> None:
        """Let synchronous code of this process enqueue (`actor.send()`)."""
        # It would read an address otherwise than libpq does.
        self.pool = make_pool({"connect_timeout": "5", **parse_dsn(url)})
        self._retention = retention

    def declare_queue(self, queue_name: str) -> None:
        """Declare a queue. Delayed messages need none of their own: they wait in the table.

        Raises ValueError for a name that cannot hold.
        """
        check_queue(queue_name)
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = True
            self.emit_after("declare_queue", queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> "AckConsumer":
        """The consumer of a queue: it only carries endings back."""
        return AckConsumer(timeout / 1000)

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Enqueue a message, due after `delay` milliseconds, from synchronous code.

        Where there may be one such job, and there is, the message is that job's.
        """
        self.emit_before("enqueue", message, delay)
        message = message.copy(message_id=self._insert(message, delay))
        self.emit_after("enqueue", message, delay)
        return message

    @retry_pg  # type: ignore[untyped-decorator]  # dramatiq-pg has no types
    def _insert(self, message: Message[Any], delay: int | None) -> str:
        placement = self._placement(self.get_actor(message.actor_name), tuple(message.args), message.kwargs)
        job = NewJob(
            message_id=UUID(message.message_id),
            kind=JobKind(
                placement.lane.queue, placement.lane.name, message.actor_name, retention=self._retention
            ),
            message=orjson.dumps(message.asdict()).decode(),
            delay=None if delay is None else delay / 1000,
            limit_key=None if placement.limit is None else placement.limit.key,
            unique_key=placement.unique_key,
        )
        with transaction(self.pool) as cursor:
            cursor.execute(bound())
            if placement.limit is not None:
                cursor.execute(
                    SQL.limits.pyformat, {name: [value] for name, value in asdict(placement.limit).items()}
                )
            return _added(cursor, job)


def _added(cursor: Any, job: NewJob) -> str:
    """The job that is there then: this one, or its twin. Raises RuntimeError where neither stays."""
    own = str(job.message_id)
    for _ in range(KEY_ROUNDS):
        # Tried again after a lost answer, it has to find the job there: not the statement for jobs that are alike.
        cursor.execute(SQL.enqueue.pyformat, Batch([job]).columns())
        if job.unique_key is None:
            return own
        cursor.execute(SQL.twins.pyformat, {"unique_key": [job.unique_key]})
        if twins := cursor.fetchall():
            return str(twins[0][0])
        cursor.execute(SQL.added.pyformat, {"ids": [own]})
        if cursor.fetchall():
            return own
    raise RuntimeError("the key of a unique job changes hands too fast")


class AckConsumer(Consumer):
    """What dramatiq's threads tell when a message is done with; it yields none itself.

    Claims put messages straight on the worker's queue: one thread hop less a job.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._closed = threading.Event()

    def __next__(self) -> None:
        self._closed.wait(self._seconds)

    def ack(self, message: MessageProxy) -> None:
        """The message's actor came to an end."""
        message.settle()

    def nack(self, message: MessageProxy) -> None:
        """The message was failed by a middleware."""
        message.settle()

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Messages that no thread took up: given back."""
        for message in messages:
            message.give_back()

    def close(self) -> None:
        """Let the consumer's thread go."""
        self._closed.set()


class _Unopened:
    """Stands for the pool until `Broker.open`."""

    def getconn(self) -> Any:
        raise RuntimeError("this process does not enqueue from synchronous code: submit the job instead")


def message_of(
    row: Any, kwargs: dict[str, Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Message[Any]:
    """The dramatiq message of a claimed row; the columns count, not what the message once said."""
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
