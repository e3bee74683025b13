"""Actors whose code logs and prints, each in its own ways."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from pydantic import SecretStr
from tenacity import wait_none

from sooner import current, job
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]

log = logging.getLogger("shop")
told = structlog.get_logger("shop.structured")
#: Shared by all jobs: its threads outlive the job that was first to use it.
pool = ThreadPoolExecutor(2)


@job
async def says(word: str) -> None:
    """Says a word in every way that the loop knows."""
    log.info("logged %s", word, extra={"order": 7, "level": "of the extra", "parts": [word, object]})
    told.warning("structured", word=word)
    print("printed", word)  # noqa: T201
    print("unfinished", word, end="")  # noqa: T201
    log.debug("not at this level")
    async with asyncio.TaskGroup() as group:
        group.create_task(_in_a_task(word))
    await asyncio.to_thread(log.info, "in to_thread %s", word)
    await asyncio.get_running_loop().run_in_executor(pool, log.info, "in the pool %s", word)
    try:
        raise LookupError(word)
    except LookupError:
        log.exception("caught")


async def _in_a_task(word: str) -> None:
    log.info("in a task %s", word)


@job
def says_on_thread(word: str) -> None:
    """Says a word in every way that threads know."""
    log.info("logged %s", word)
    print("printed", word)  # noqa: T201
    pool.submit(log.info, "in the pool %s", word).result()
    for run in (lambda: log.info("in a thread %s of %s", word, current().actor), _fail):
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()


def _fail() -> None:
    raise LookupError("in a thread")


@job
async def says_a_secret(token: SecretStr) -> None:
    """Says its secret in every way."""
    secret = token.get_secret_value()
    log.info("token %s", secret, extra={"token": secret, "number": int(secret), "deep": {secret: [secret]}})
    told.info(secret, given=token.get_secret_value())
    print(secret)  # noqa: T201
    try:
        raise LookupError(secret)
    except LookupError:
        log.exception("caught")


@job
async def says_oddly(key: SecretStr) -> None:
    """Says what cannot be said as it is, a secret of several lines among it, on all ways out."""
    secret = key.get_secret_value()
    log.info("%d of these", secret)
    told.info("changes", while_it_is_read=Changing())
    told.info("much", **{f"\0{secret}{number}": "x" * 9000 for number in range(5)})
    print(secret, file=sys.stderr)  # noqa: T201
    await asyncio.to_thread(print, "unfinished in a thread", end="")
    sys.stdout.buffer.write(b"bytes\n")
    subprocess.run(["true"], stdout=sys.stdout, stderr=sys.stderr, check=True)  # noqa: ASYNC221
    left.add(asyncio.create_task(_fail_later(secret)))
    error = ExceptionGroup("several", [LookupError(secret)])
    error.add_note(secret)
    raise error from KeyError(secret)


#: Tasks that outlive their jobs.
left: set[asyncio.Task[None]] = set()


async def _fail_later(secret: str) -> None:
    await asyncio.sleep(0.2)
    left.clear()
    raise LookupError(secret)


class Changing(dict[str, int]):
    """Another thread adds to it all the time."""

    def items(self) -> Any:
        """Raises what Python raises then."""
        raise RuntimeError("dictionary changed size during iteration")


@job
async def says_much(lines: int) -> None:
    """Says much."""
    for number in range(lines):
        log.info("line %d", number)


@job
async def says_on(pause: float = 0.05) -> None:
    """Goes on until it is cancelled."""
    number = 0
    while True:
        log.info("line %d", number)
        number += 1
        await asyncio.sleep(pause)


@job(retries=1, wait=wait_none())
async def says_and_fails() -> None:
    """Fails in both its attempts, each of which says so."""
    log.info("attempt %d", current().attempt)
    raise LookupError


@job
async def says_and_dies() -> None:
    """Its first worker dies with it, a moment after it has said something."""
    log.info("attempt %d", current().attempt)
    if current().crashes == 0:
        await asyncio.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
