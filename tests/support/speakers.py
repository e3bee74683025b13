"""Actors that put out pieces: `dramatiq tests.support.speakers` runs them."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import SecretStr

from sooner import Depends, Failure, current, emit, job, progress
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job
async def tell(words: list[Any], pause: float = 0) -> AsyncIterator[Any]:
    """Yields the words; `NUL` is a character that no parameter holds."""
    for word in words:
        yield "\0" if word == "NUL" else word
        await asyncio.sleep(pause)


@job
async def say(text: str, pause: float = 0) -> AsyncIterator[str]:
    """Yields the characters of a text."""
    for letter in text:
        yield letter
        await asyncio.sleep(pause)


@job
def say_on_thread(count: int, pause: float = 0) -> str:
    """Puts out numbers from a thread, and one from a thread of its own."""
    for number in range(count):
        emit(number)
        time.sleep(pause)
    progress(1.0)
    job = current()
    other = threading.Thread(target=lambda: job.put('"last"'))
    other.start()
    other.join()
    return "said"


@job(retries=3)
async def stutter(times: int, pieces: int = 3, way: str = "raise") -> int:
    """Puts out pieces, and fails in its first attempts."""
    number = current().attempt + current().crashes * (way != "raise")
    for piece in range(pieces):
        emit(f"{number}.{piece}")
    if current().attempt <= times:
        await asyncio.sleep(0.2)
        if way == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("again")
    return number


@job(retries=1)
async def fall_silent() -> str:
    """Puts out pieces in its first attempt alone, which fails."""
    if current().attempt == 1:
        emit("void")
        raise RuntimeError("again")
    return "silent"


@job
async def spill(token: SecretStr) -> AsyncIterator[Any]:
    """Yields its secret."""
    yield token.get_secret_value()
    yield {"held": [token.get_secret_value()]}


@job
async def not_json(way: str) -> AsyncIterator[Any]:
    """Yields what JSON does not have."""
    yield "good"
    yield float("nan") if way == "nan" else object()


@job
async def give_up() -> AsyncIterator[str]:
    """Fails after a piece."""
    yield "half"
    raise Failure("No more.", type="no-more")


@job
async def flow(pieces: int, pause: float, batch: int = 1) -> AsyncIterator[str]:
    """Yields the time of each piece: seconds since the epoch."""
    for number in range(pieces):
        yield f"{number} {time.time()}"
        if number % batch == batch - 1:
            await asyncio.sleep(pause)


async def greeting() -> AsyncIterator[str]:
    """A resource."""
    yield "Hello"


@job
async def greet_slowly(name: str, word: Annotated[str, Depends(greeting)]) -> AsyncIterator[str]:
    """Yields with a dependency."""
    yield word
    yield f" {name}"


@job
async def count_up(pieces: int, pause: float) -> AsyncIterator[list[int]]:
    """Yields numbers, with the number of the attempt and its crashes before."""
    run = current().attempt
    for number in range(pieces):
        yield [run, number]
        await asyncio.sleep(pause)
