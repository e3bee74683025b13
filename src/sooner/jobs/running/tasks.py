"""The tasks that actors create (asyncio.create_task, TaskGroup, gather)."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from sooner.jobs.context import Current, current_if_any

T = TypeVar("T")

#: asyncio lets these exceptions out of a task and out of the loop, which would end the program.
EXITS = (SystemExit, KeyboardInterrupt)


class ActorTask(asyncio.Task[Any]):
    """A task that a job's code created."""

    job: Current


class ActorTasks:
    """The task factory of a worker's loop. It calls `exited` with the job whose task raised one of EXITS."""

    def __init__(self, exited: Callable[[Current, BaseException], None]) -> None:
        self._exited = exited

    def __call__(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T] | Generator[Any, None, T],
        **options: Any,
    ) -> "asyncio.Task[T]":
        job = current_if_any()
        if job is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        task = ActorTask(coroutine, loop=loop, **options)
        task.job = job
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        # `exception()` would mark the exception as retrieved, and asyncio would no longer log it.
        error = task._exception  # noqa: SLF001
        if isinstance(task, ActorTask) and isinstance(error, EXITS):
            task.exception()
            self._exited(task.job, error)
