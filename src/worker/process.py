"""The life of a worker process, as a dramatiq middleware."""

import asyncio
import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextvars import ContextVar
from queue import Empty
from types import FrameType
from typing import Any, TypeVar

import dramatiq
import uvloop
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread
from dramatiq.middleware import Middleware

from src import logs
from src.jobs.attempt import Attempt
from src.jobs.context import enter
from src.queue.broker import Broker
from src.settings import WorkerSettings, load
from src.worker.runtime import Runtime

T = TypeVar("T")

log = logs.get(__name__)

#: What writing the last endings may take beyond the shutdown timeout, before the process ends without.
OVERTIME_SECONDS = 3.0

_attempt: ContextVar[Attempt] = ContextVar("sooner_attempt")


class WorkerProcess(Middleware):
    """Checks the settings, runs the event loop, and brings the two together with dramatiq's threads.

    dramatiq swallows exceptions of these hooks and serves on, half made; SystemExit it lets through.
    """

    def __init__(self) -> None:
        self._settings: WorkerSettings
        self._loop_thread: EventLoopThread
        self._worker: dramatiq.Worker | None = None
        self._runtime: Runtime | None = None
        self._beginning: Future[Runtime] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._stop_at: float | None = None

    # Boot

    def after_process_boot(self, broker: Broker) -> None:
        """In the new process, before anything runs. Raises SystemExit(78) for settings that are wrong."""
        self._settings = load(WorkerSettings)
        logs.configure("worker", format=self._settings.log_format, level=self._settings.log_level)
        broker.open(self._settings.database_url, retention=self._settings.job_retention_days * 86400)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._outlive_second(number)

    def _outlive_second(self, number: signal.Signals) -> None:
        """A signal to the whole group arrives twice, once through dramatiq's master: the second is no hurry."""
        once = signal.getsignal(number)

        def begin_to_stop(number: int, frame: FrameType | None) -> None:
            if self._stop_at is None:
                self._begin_to_stop()
                if callable(once):
                    once(number, frame)

        signal.signal(number, begin_to_stop)

    def before_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Start the loop, on which `async_to_sync` of dramatiq's own async actors runs too."""
        self._loop_thread = EventLoopThread(log)
        self._loop_thread.loop = uvloop.new_event_loop()
        self._loop_thread.daemon = True
        self._loop_thread.start(timeout=5)
        set_event_loop_thread(self._loop_thread)
        for actor in broker.actors.values():
            if not getattr(actor, "is_async", False):
                actor.fn = interruptible(actor.fn)

    def after_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Threads and consumers are there: begin to claim."""
        while any(thread.consumer is None for thread in worker.consumers.values()):
            time.sleep(0.001)
        self._worker = worker
        begin = Runtime.begin(
            self._settings,
            broker.actors,
            set(worker.consumers),
            lambda attempt: worker.work_queue.put((attempt.priority, attempt)),
            end_all,
            threads=worker.worker_threads,
        )
        self._runtime = self._begun(begin)
        self._loop_thread.loop.call_soon_threadsafe(self._runtime.start)
        log.info("worker ready", queues=sorted(worker.consumers), lease=str(self._runtime.lease.id))
        if self._stop_at is not None:
            self._loop_thread.loop.call_soon_threadsafe(self._end)

    def _begun(self, begin: Coroutine[Any, Any, Runtime]) -> Runtime:
        """The runtime. Raises SystemExit: 0 where a signal came first, 1 where the database stays away."""
        self._beginning = asyncio.run_coroutine_threadsafe(begin, self._loop_thread.loop)
        if self._stop_at is not None:
            self._beginning.cancel()
        try:
            return self._beginning.result()
        except CancelledError:
            sys.exit(0)
        except Exception:
            log.exception("worker cannot begin")
            sys.exit(1)

    # Messages on threads

    def before_process_message(self, broker: Broker, message: Attempt) -> None:
        """A thread takes a message up."""
        enter(message.current)
        _attempt.set(message)

    def after_process_message(
        self, broker: Broker, message: Attempt, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """A thread is done with a message."""
        if exception is not None:
            message.raised(exception)
        else:
            message.succeed(result)

    def after_skip_message(self, broker: Broker, message: Attempt) -> None:
        """Another middleware would not have it run."""
        message.raised(RuntimeError("skipped"))

    # End

    def _begin_to_stop(self) -> None:
        seconds = self._settings.shutdown_timeout_seconds
        self._stop_at = time.monotonic() + seconds
        last = threading.Timer(seconds + OVERTIME_SECONDS, end_at_once)
        last.daemon = True
        last.start()
        if self._runtime is not None:
            self._loop_thread.loop.call_soon_threadsafe(self._end)
        elif self._beginning is not None:
            self._beginning.cancel()

    def _end(self) -> None:
        if self._ending is None and self._runtime is not None and self._stop_at is not None:
            left = max(0.0, self._stop_at - time.monotonic())
            self._give_back_unbegun()
            self._ending = asyncio.create_task(self._runtime.stop(left))

    def _give_back_unbegun(self) -> None:
        """Messages that no thread has taken up."""
        if self._worker is not None:
            with contextlib.suppress(Empty):
                while True:
                    self._worker.work_queue.get_nowait()[1].give_back()

    def before_worker_shutdown(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Dramatiq begins to stop, by whatever cause."""
        if self._stop_at is None:
            self._begin_to_stop()

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


def interruptible(fn: Callable[..., T]) -> Callable[..., T]:
    """A synchronous actor's function, made to stop at its next bytecode when its attempt is interrupted."""

    @functools.wraps(fn)
    def run(*args: Any, **params: Any) -> T:
        return _attempt.get().on_thread(lambda: fn(*args, **params))

    return run


def end_all() -> None:
    """End dramatiq's master, and with it every worker process of its, in order."""
    master = multiprocessing.parent_process()
    os.kill(os.getpid() if master is None or master.pid is None else master.pid, signal.SIGTERM)


def end_at_once() -> None:
    """The last resort: a thread that hangs or a database that is away must not outlast the platform's patience."""
    log.error("out of time: what is still held here runs out with the lease")
    os._exit(0)
