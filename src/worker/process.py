"""The life of a worker process, as a dramatiq middleware."""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

import dramatiq
import uvloop
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread
from dramatiq.middleware import Middleware

from src import logs
from src.jobs.attempt import Attempt, Interrupted
from src.jobs.context import enter
from src.queue.broker import Broker
from src.settings import WorkerSettings, load
from src.worker.runtime import Runtime

T = TypeVar("T")

log = logs.get(__name__)


class WorkerProcess(Middleware):
    """Checks the settings, runs the event loop, and brings the two together with dramatiq's threads.

    dramatiq swallows exceptions of these hooks and serves on, half made; SystemExit it lets through.
    """

    def __init__(self) -> None:
        self._settings: WorkerSettings
        self._loop_thread: EventLoopThread
        self._runtime: Runtime | None = None
        self._ending: asyncio.Task[None] | None = None
        self._stop_at: float | None = None

    # Boot

    def after_process_boot(self, broker: Broker) -> None:
        """In the new process, before anything runs. Raises SystemExit(78) for settings that are wrong."""
        self._settings = load(WorkerSettings)
        logs.configure("worker", format=self._settings.log_format, level=self._settings.log_level)
        broker.open(self._settings.database_url, retention=self._settings.job_retention_days * 86400)
        self._outlive_second_signals()

    def _outlive_second_signals(self) -> None:
        """A signal to the whole group arrives twice, once through dramatiq's master: the second is no hurry."""
        once = signal.getsignal(signal.SIGTERM)

        def begin_to_stop(number: int, frame: FrameType | None) -> None:
            if self._stop_at is None:
                self._begin_to_stop()
                if callable(once):
                    once(number, frame)

        signal.signal(signal.SIGTERM, begin_to_stop)

    def before_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Start the loop, on which `async_to_sync` of dramatiq's own async actors runs too."""
        self._loop_thread = EventLoopThread(log)
        self._loop_thread.loop = uvloop.new_event_loop()
        self._loop_thread.daemon = True
        self._loop_thread.start(timeout=5)
        set_event_loop_thread(self._loop_thread)

    def after_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Threads and consumers are there: begin to claim."""
        while any(thread.consumer is None for thread in worker.consumers.values()):
            time.sleep(0.001)
        begin = Runtime.begin(
            self._settings,
            broker.actors,
            set(worker.consumers),
            lambda attempt: worker.work_queue.put((attempt.priority, attempt)),
            threads=worker.worker_threads,
        )
        try:
            self._runtime = self._call(begin)
        except Exception:
            log.exception("worker cannot begin")
            sys.exit(1)
        self._loop_thread.loop.call_soon_threadsafe(self._runtime.start)
        log.info("worker ready", queues=sorted(worker.consumers), lease=str(self._runtime.lease.id))

    # Messages on threads

    def before_process_message(self, broker: Broker, message: Attempt) -> None:
        """A thread takes a message up."""
        message.begin_on_thread()
        enter(message.current)

    def after_process_message(
        self, broker: Broker, message: Attempt, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """A thread is done with a message."""
        message.end_on_thread()
        if isinstance(exception, Interrupted) and message.why is not None:
            message.stop(message.why)
        elif exception is not None:
            message.fail_with(exception)
        else:
            message.succeed(result)

    def after_skip_message(self, broker: Broker, message: Attempt) -> None:
        """Another middleware would not have it run."""
        message.end_on_thread()
        message.fail_with(RuntimeError("skipped"))

    # End

    def _begin_to_stop(self) -> None:
        self._stop_at = time.monotonic() + self._settings.shutdown_timeout_seconds
        if self._runtime is not None:
            self._loop_thread.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._ending is None and self._runtime is not None and self._stop_at is not None:
            left = max(0.0, self._stop_at - time.monotonic())
            self._ending = asyncio.create_task(self._runtime.stop(left))

    def before_worker_shutdown(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """No more messages are taken up; those that no thread has begun are given back at once."""
        if self._stop_at is None:
            self._begin_to_stop()
        while not worker.work_queue.empty():
            _, message = worker.work_queue.get_nowait()
            message.give_back()

    def after_worker_shutdown(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Threads are done, or out of time: wait for the loop's part."""
        if self._runtime is not None:
            self._call(self._ended())
        self._loop_thread.loop.call_soon_threadsafe(self._loop_thread.loop.stop)
        self._loop_thread.join(timeout=5)

    async def _ended(self) -> None:
        self._end()
        if self._ending is not None:
            await self._ending

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop_thread.loop).result()
