"""Actors that end in every way there is: `dramatiq tests.support.raisers` runs them, `uvicorn tests.support.raisers:app` offers them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from typing import TYPE_CHECKING, cast

from dramatiq.middleware import SkipMessage

from sooner.jobs import job
from sooner.jobs.failure import Failure
from src.actors import broker
from tests.support.offered import __getattr__

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KINDS", "__getattr__", "broker"]


class StrRaises(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class StrIsNoText(Exception):
    def __str__(self) -> str:
        return cast(str, 5)


class StrInterrupts(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class FailureWithoutText(Failure):
    def __str__(self) -> str:
        raise SystemExit(3)


class Base(BaseException):
    pass


class NoModule(Exception):
    pass


# What a C extension's exception may lack.
NoModule.__module__ = None  # type: ignore[assignment]


class NamesNoModule(type):
    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise AttributeError("__module__")


class NoModuleAtAll(Exception, metaclass=NamesNoModule):
    pass


class ClassRaises(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise ValueError("no class")


class NotesInterrupt(Exception):
    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        raise KeyboardInterrupt


def deep() -> Exception:
    """As deep as no traceback is told."""
    error: Exception = ValueError("x")
    for _ in range(3000):
        error = ExceptionGroup("g", [error, KeyError("k")])
    return error


def recurse() -> None:
    recurse()


def raising(error: Callable[[], BaseException]) -> Callable[[], None]:
    def act() -> None:
        raise error()

    return act


#: What is done, and the type that the job's error has then.
KINDS: dict[str, tuple[Callable[[], None], str]] = {
    "str raises": (raising(StrRaises), "StrRaises"),
    "str is no text": (raising(StrIsNoText), "StrIsNoText"),
    "str interrupts": (raising(StrInterrupts), "StrInterrupts"),
    "a failure without text": (raising(lambda: FailureWithoutText("x", type="mine")), "mine"),
    "a group": (raising(lambda: ExceptionGroup("g", [ValueError("a"), KeyError("b")])), "ExceptionGroup"),
    "a group of one that has no text": (raising(lambda: ExceptionGroup("g", [StrRaises()])), "StrRaises"),
    "of no kind": (raising(Base), "Base"),
    "a group of no kind": (raising(lambda: BaseExceptionGroup("g", [Base(), Base()])), "BaseExceptionGroup"),
    "exit": (raising(lambda: SystemExit(2)), "SystemExit"),
    "interrupt": (raising(KeyboardInterrupt), "KeyboardInterrupt"),
    "a generator's end": (raising(GeneratorExit), "GeneratorExit"),
    "cancelled by itself": (raising(asyncio.CancelledError), "cancelled-itself"),
    "recursion": (recurse, "RecursionError"),
    "of no module": (raising(lambda: NoModule("x")), "NoModule"),
    "of no module at all": (raising(lambda: NoModuleAtAll("x")), "NoModuleAtAll"),
    "of a class that raises": (raising(lambda: ClassRaises("x")), "ClassRaises"),
    "notes interrupt": (raising(lambda: NotesInterrupt("x")), "NotesInterrupt"),
    "a deep group": (raising(deep), "ExceptionGroup"),
    "what dramatiq skips": (raising(lambda: SkipMessage("x")), "SkipMessage"),
    "lone surrogates": (raising(lambda: ValueError("\ud800")), "ValueError"),
    "a failure with lone surrogates": (raising(lambda: Failure("\ud800\0", type="mine")), "mine"),
    "100 MB of text": (raising(lambda: ValueError("x" * 100_000_000)), "ValueError"),
}


@job
async def end_on_loop(kind: str) -> None:
    """Comes to an end on the worker's loop."""
    KINDS[kind][0]()


@job
def end_on_thread(kind: str) -> None:
    """Comes to an end on one of the worker's threads."""
    KINDS[kind][0]()


async def leave() -> None:
    await asyncio.sleep(0)
    sys.exit(2)


async def interrupt() -> None:
    await asyncio.sleep(0)
    raise KeyboardInterrupt


@job
async def leave_in_group() -> None:
    """Reads arguments that are wrong (argparse), in a task of its own."""
    async with asyncio.TaskGroup() as group:
        group.create_task(leave())


@job
async def interrupt_in_gather() -> None:
    """Is interrupted in a task of its own."""
    await asyncio.gather(interrupt(), asyncio.sleep(0.01))


@job
async def leave_in_callback() -> str:
    """Leaves in code of the loop's, which belongs to no task."""
    asyncio.get_running_loop().call_soon(sys.exit, 2)
    await asyncio.sleep(0.05)
    return "went on"


@job
async def leave_unawaited() -> None:
    """Leaves in a task that nobody awaits."""
    unkept = asyncio.create_task(leave())
    unkept.add_done_callback(lambda task: None)
    await asyncio.sleep(60)


@job
async def leave_caught() -> list[str]:
    """Leaves in a task whose end it would only look at."""
    return [repr(each) for each in await asyncio.gather(leave(), return_exceptions=True)]


@job
async def stop_loop() -> str:
    """Stops what it does not own."""
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.05)
    return "went on"


@job
def leave_in_thread() -> str:
    """Leaves in threads of its own."""
    for error in (SystemExit, KeyboardInterrupt):
        thread = threading.Thread(target=raising(error))
        thread.start()
        thread.join()
    return "went on"


@job
async def hold_up(seconds: float) -> str:
    """Blocks the worker's loop."""
    time.sleep(seconds)  # noqa: ASYNC251 - what is tried
    return "let go"


@job
async def hold_up_in_task(seconds: float) -> str:
    """Blocks the worker's loop in a task of its own."""

    async def block() -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - what is tried

    await asyncio.create_task(block())
    return "let go"


def keep_lock(seconds: float) -> None:
    """Keeps the interpreter's lock for so much processor time in one call, so that no other thread runs, and then the processor for long enough to be seen."""
    until = time.thread_time() + seconds
    # No bytecode runs between two readings of the clock, so the lock is not asked for.
    any(map(until.__le__, iter(time.thread_time, None)))
    began = time.thread_time()
    while time.thread_time() - began < 0.5:
        pass


@job
async def keep_lock_on_loop(seconds: float) -> str:
    """Lets no other thread run."""
    keep_lock(seconds)
    return "let go"


@job
def keep_lock_on_thread(seconds: float) -> str:
    """Lets no other thread run."""
    keep_lock(seconds)
    return "let go"


@job
async def go_on() -> str:
    """Will not be stopped."""
    for seconds in (30, 0.05):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(seconds)
    return "went on"
