"""Actors that only tests need, beside the ones that come with the service.

`dramatiq tests.support.actors` is a worker that knows them, `uvicorn tests.support.actors:app` a web process.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from typing import Any, Literal

from pydantic import BaseModel, SecretBytes, SecretStr
from tenacity import wait_none

from sooner.jobs import (
    Limit,
    Rate,
    job,
    progress,
)
from sooner.jobs.failure import Failure
from src.actors import broker
from tests.support.offered import __getattr__

__all__ = ["__getattr__", "broker"]


@job(on_disconnect="cancel")
async def cancelled_with_client(seconds: float) -> None:
    """Not worth going on with when nobody waits."""
    await asyncio.sleep(seconds)


@job(on_disconnect="cancel-if-waiting")
async def begun_is_finished(seconds: float) -> None:
    """Not worth beginning when nobody waits."""
    await asyncio.sleep(seconds)


@job
def block(seconds: float) -> str:
    """Keeps its thread in one system call, which no interrupt ends."""
    time.sleep(seconds)
    return "slept"


@job
async def cling(seconds: float) -> str:
    """Would not be cancelled."""
    while True:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            continue
        return "slept"


@job
async def leave() -> None:
    """Tries to end its worker."""
    raise SystemExit(3)


@job
def hog() -> int:
    """Takes all the memory there is."""
    taken = []
    while True:
        taken.append(bytearray(16 << 20))


@job
async def hog_on_loop() -> int:
    """Takes all the memory there is, where every other task needs some."""
    taken = []
    while True:
        taken.append(bytearray(16 << 20))


@job
async def swell() -> int:
    """Takes all the memory there is, slowly enough to be seen doing so."""
    taken = []
    while True:
        taken.append(bytearray(16 << 20))
        await asyncio.sleep(0.01)


@job(unique=("site",))
async def once_a_site(site: str, seconds: float) -> str:
    """There is no use in doing this twice at the same time."""
    if seconds < 0:
        raise ValueError(seconds)
    await asyncio.sleep(seconds)
    return site


@job(unique=("page",))
async def once_a_page(page: int = 1, seconds: float = 1) -> int:
    """The same, by a parameter that one may leave out."""
    await asyncio.sleep(seconds)
    return page


@job(concurrency=Limit(1, per="page"))
async def one_a_page(page: int = 1, seconds: float = 0.5) -> int:
    """One after another, by a parameter that one may leave out."""
    await asyncio.sleep(seconds)
    return page


@job(concurrency=Limit(2, per="tenant"))
async def two_at_a_time(seconds: float) -> None:
    """Would overload what it calls."""
    await asyncio.sleep(seconds)


@job(rate=Rate(3, seconds=3600))
async def three_an_hour() -> None:
    """Calls what is paid by the call."""


class Account(BaseModel):
    """Holds a secret, deep in the parameters."""

    user: str
    password: SecretStr


Way = Literal["measure", "give back", "raise", "fail", "log"]


def use(way: Way, secret: str) -> Any:
    """What a careless actor does with a secret."""
    progress(0.5, f"working with {secret}")
    if way == "raise":
        raise ValueError(f"not good: {secret!r}")
    if way == "fail":
        raise Failure(f"not good: {secret!r}", type=f"bad {secret}", title=secret)
    if way == "log":
        logging.getLogger(__name__).warning("using %s", secret)
    if way == "give back":
        return {"secret": secret, secret: [f"<{secret}>"]}
    return {"sha256": hashlib.sha256(secret.encode()).hexdigest()}


@job
async def use_secret(
    way: Way,
    token: SecretStr | None = None,
    raw: SecretBytes | None = None,
    accounts: list[Account] | None = None,
    pause: float = 0,
) -> Any:
    """Does something with whichever secret it gets."""
    await asyncio.sleep(pause)
    given = [token, *(account.password for account in accounts or [])]
    texts = [secret.get_secret_value() for secret in given if secret is not None]
    return use(way, "".join(texts) + (raw.get_secret_value().decode() if raw else ""))


@job(retries=1, wait=wait_none())
async def use_secret_again(way: Way, token: SecretStr) -> Any:
    """The same, and once more where it fails."""
    return use(way, token.get_secret_value())


@job
def use_secret_on_thread(way: Way, token: SecretStr) -> Any:
    """The same on a thread, where dramatiq logs, too."""
    return use(way, token.get_secret_value())


@job
async def greet(name: str, title: str = "") -> str:
    """Says hello; `tests.support.older` has it without a title."""
    return f"Hello {title} {name}"


@job
def greet_on_thread(name: str, title: str = "") -> str:
    """Says hello, on a thread."""
    return f"Hello {title} {name}"
