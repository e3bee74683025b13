"""A worker whose only thread is busy, and that has claimed more than it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from dramatiq import Message
from dramatiq_pg import PostgresBroker

from tests.support.jobs import final, processing

if TYPE_CHECKING:
    import httpx

    from tests.support.processes import Process, Processes


async def busy_worker(
    processes: Processes, client: httpx.AsyncClient, database_url: str
) -> tuple[Process, str]:
    """A worker of one thread, and the job that the thread runs until it is cancelled.

    The worker has run a short job, so it claims further ones before its thread is free.
    """
    worker = await processes.worker(WORKER_THREADS="1", SHUTDOWN_TIMEOUT_SECONDS="600")
    await final(client, stock_message(database_url, "burn", seconds=0))
    running = stock_message(database_url, "burn", seconds=600)
    await processing(client, running)
    return worker, running


def stock_message(database_url: str, actor: str, *, time_limit: int | None = None, **params: object) -> str:
    """Enqueues as dramatiq-pg's own producer does; `time_limit` is in milliseconds."""
    broker = PostgresBroker(url=database_url, results=False)
    id = str(uuid4())
    message: Message[object] = Message(
        queue_name="default",
        actor_name=actor,
        args=(),
        kwargs=params,
        options={} if time_limit is None else {"time_limit": time_limit},
        message_id=id,
    )
    try:
        broker.declare_queue("default")
        broker.enqueue(message)
    finally:
        broker.close()
    return id
