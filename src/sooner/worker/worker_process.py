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
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from contextvars import ContextVar
from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

import dramatiq
from dramatiq.asyncio import set_event_loop_thread
from dramatiq.errors import RateLimitExceeded
from dramatiq.middleware import Middleware

from sooner.db.own_shard import WrongShard
from sooner.jobs.context import enter
from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.dependencies import Depends, settings_of
from sooner.jobs.running.attempt import Attempt
from sooner.jobs.running.runner import job_of
from sooner.process import garbage, logs, scratch, telemetry
from sooner.process import signals as termination
from sooner.process.settings import WorkerSettings, load
from sooner.queue.broker import Broker
from sooner.worker.loop import LoopThread
from sooner.worker.runtime import Runtime
from sooner.worker.watchdog import Watchdog

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing

T = TypeVar("T")

log = logs.get(__name__)

#: The seconds beyond the shutdown timeout in which the last endings may be written.
OVERTIME_SECONDS = 3.0

_attempt: ContextVar[Attempt] = ContextVar("sooner_attempt")


class WorkerProcess(Middleware):
    """Checks the settings, runs the event loop, and brings the two together with dramatiq's threads.

    dramatiq logs other exceptions of these hooks and serves on, half made; SystemExit ends the process.
    """

    def __init__(self) -> None:
        self._settings: WorkerSettings
        self._tracing: Tracing | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._life: Future[int]
        self._thread: LoopThread
        self._watchdog: Watchdog | None = None
        self._stopping = asyncio.Event()
        self._stop_at: float | None = None

    # Boot

    def after_process_boot(self, broker: Broker) -> None:
        """Prepare the new process, before anything runs. Raises SystemExit(78) for wrong settings."""
        self._settings = load(WorkerSettings)
        for own in settings_of(
            depends for actor in broker.actors.values() for depends in dependencies(actor)
        ):
            load(own)
        logs.configure("worker", format=self._settings.log_format, level=self._settings.log_level)
        self._tracing = telemetry.begin("worker", self._settings.traces_endpoint)
        broker.open(
            self._settings.database_url,
            retention=self._settings.job_retention_days * 86400,
            direct=self._settings.listen,
        )
        threading.Thread(target=scratch.sweep, name="sweep", daemon=True).start()
        termination.on_asked(self._begin_to_stop)

    def before_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Start the loop, on which `async_to_sync` of dramatiq's own async actors runs too."""
        self._thread = LoopThread()
        self._thread.start(timeout=5)
        set_event_loop_thread(self._thread)
        self._loop = self._thread.loop
        for actor in broker.actors.values():
            if not getattr(actor, "is_async", False):
                actor.fn = interruptible(actor.fn)

    def after_worker_boot(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Begin, once threads and consumers exist. This does not wait for the database, so that signals are heard."""
        while any(thread.consumer is None for thread in worker.consumers.values()):
            time.sleep(0.001)
        if self._loop is None:
            raise RuntimeError("the event loop did not start")
        self._life = asyncio.run_coroutine_threadsafe(self._live(broker, worker), self._loop)
        self._watchdog = Watchdog(self._thread, job_of, patience=self._settings.lease_seconds)
        self._watchdog.start()

    async def _live(self, broker: Broker, worker: dramatiq.Worker) -> int:
        """Run from the first connection to the last ending; the result is the process's exit code."""
        begin = Runtime.begin(
            self._settings,
            broker.actors,
            set(worker.consumers),
            functools.partial(self._to_thread, worker),
            end_all,
            threads=worker.worker_threads,
            tracing=self._tracing,
        )
        try:
            runtime = await self._unless_stopped(begin)
        except WrongShard as error:
            log.critical(str(error))
            end_all()
            return os.EX_CONFIG
        except Exception:
            log.exception("worker cannot begin")
            end_all()
            return 1
        if runtime is not None:
            garbage.settle()
            runtime.start()
            log.info("worker ready", queues=sorted(worker.consumers), lease=str(runtime.lease.id))
            await self._stopping.wait()
            give_back_unbegun(worker)
            await runtime.stop(max(0.0, (self._stop_at or 0.0) - time.monotonic()))
        return 0

    def _to_thread(self, worker: dramatiq.Worker, attempt: Attempt) -> None:
        if self._stopping.is_set():
            # The claim was under way: dramatiq's threads take nothing up any more.
            attempt.give_back()
        else:
            worker.work_queue.put((attempt.priority, attempt))

    async def _unless_stopped(self, begin: Coroutine[Any, Any, Runtime]) -> Runtime | None:
        if self._stop_at is not None:
            self._stopping.set()
        beginning, stopping = asyncio.create_task(begin), asyncio.create_task(self._stopping.wait())
        await asyncio.wait([beginning, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not beginning.done():
            beginning.cancel()
            return None
        return beginning.result()

    # Messages on threads

    def before_process_message(self, broker: Broker, message: Attempt) -> None:
        """A thread takes a message up."""
        enter(message.current)
        _attempt.set(message)

    def after_process_message(
        self, broker: Broker, message: Attempt, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """A thread is done with a message; usually the Results middleware has passed on the result before."""
        if exception is not None:
            message.raised(exception)
        elif not message.has_outcome:
            message.succeed(result)

    def after_skip_message(self, broker: Broker, message: Attempt) -> None:
        """Another middleware has skipped the message."""
        message.raised(RuntimeError("skipped"))

    # End

    def _begin_to_stop(self) -> None:
        if self._stop_at is not None:
            return
        seconds = self._settings.shutdown_timeout_seconds
        self._stop_at = time.monotonic() + seconds
        last = threading.Timer(seconds + OVERTIME_SECONDS, end_at_once)
        last.daemon = True
        last.start()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    def before_worker_shutdown(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """The worker begins to stop, for any reason."""
        self._begin_to_stop()

    def after_worker_shutdown(self, broker: Broker, worker: dramatiq.Worker) -> None:
        """Threads are done, or out of time: wait for the event loop. Raises SystemExit where it could not begin."""
        code = self._life.result()
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._tracing is not None:
            self._tracing.end()
        if code:
            sys.exit(code)


def dependencies(actor: "dramatiq.Actor[Any, Any]") -> Collection[Depends]:
    """The dependencies of an actor."""
    return actor.dependencies.values() if isinstance(actor, JobActor) else ()


def give_back_unbegun(worker: dramatiq.Worker) -> None:
    """Give back the messages that no thread has taken."""
    with contextlib.suppress(Empty):
        while True:
            worker.work_queue.get_nowait()[1].give_back()


def interruptible(fn: Callable[..., T]) -> Callable[..., T]:
    """A synchronous actor's function that stops at its next bytecode when its attempt is interrupted."""

    @functools.wraps(fn)
    def run(*args: Any, **params: Any) -> T:
        attempt = _attempt.get(None)
        if attempt is None or attempt.is_on_thread:
            # Another actor's code calls this actor as a function.
            return fn(*args, **params)
        try:
            return attempt.on_thread(lambda: fn(*args, **params))
        except BaseException as error:
            # Before dramatiq sees the exception: dramatiq calls the exception's own code, and takes SkipMessage for a success.
            attempt.raised(error)
            if (told := tellable(error)) is not error:
                raise told from None
            raise

    return run


def tellable(error: BaseException) -> BaseException:
    """The exception, or another one in its place where its class raises when it is asked: dramatiq's thread would not survive."""
    try:
        isinstance(error, RateLimitExceeded)
    except BaseException:  # noqa: BLE001 - it may be anything
        return RuntimeError(f"{type(error).__name__}, whose class cannot be told")
    return error


def end_all() -> None:
    """End dramatiq's master in order, and with it all its worker processes."""
    master = multiprocessing.parent_process()
    os.kill(os.getpid() if master is None or master.pid is None else master.pid, signal.SIGTERM)


def end_at_once() -> None:
    """End the process at once: the platform would kill it soon, because a thread hangs or the database is away."""
    log.error("out of time: what is still held here runs out with the lease")
    os._exit(0)
