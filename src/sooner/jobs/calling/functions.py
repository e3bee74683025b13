"""`submit`, `submit_all` and `handle`, by the Sooner of the running event loop.

In a worker it has the worker's settings; in other programs it has those of the environment (DATABASE_URL).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Unpack
from uuid import UUID
from weakref import WeakKeyDictionary

import dramatiq

from sooner.jobs.calling.handle import Handle
from sooner.jobs.calling.sooner import CallOptions, Sooner
from sooner.process.settings import CodeSettings, read


def _by_environment() -> Sooner:
    settings = read(CodeSettings)
    return Sooner(
        settings.database_url,
        listen=settings.listen,
        retention_days=settings.job_retention_days,
        secrets_public_key=settings.secrets_public_key,
    )


_make: list[Callable[[], Sooner]] = [_by_environment]
_made: "WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Sooner, AsyncGenerator[None]]]" = (
    WeakKeyDictionary()
)


def made_by(make: Callable[[], Sooner] | None) -> None:
    """Set the function that makes this process's Sooner, or the environment's. The worker calls this once when it begins."""
    _make[:] = [make or _by_environment]


async def close() -> None:
    """Close the Sooner of the running loop, where there is one."""
    if (found := _made.pop(asyncio.get_running_loop(), None)) is not None:
        await found[1].aclose()


def here() -> Sooner:
    """The Sooner of the running loop. Raises RuntimeError where the environment names no database."""
    loop = asyncio.get_running_loop()
    if loop not in _made:
        ours = _make[0]()
        closing = _closing(ours)
        _made[loop] = ours, closing
        with contextlib.suppress(StopIteration):
            # Runs the generator to its yield, without a turn of the loop.
            anext(closing).__await__().__next__()
    return _made[loop][0]


async def _closing(ours: Sooner) -> AsyncGenerator[None]:
    """Waits until its loop ends: asyncio closes the generators of a loop (`loop.shutdown_asyncgens`)."""
    try:
        yield
    finally:
        await ours.close()


async def submit(
    actor: "dramatiq.Actor[Any, Any] | str",
    params: Mapping[str, Any] | None = None,
    **options: Unpack[CallOptions],
) -> Handle:
    """Enqueue a job: see `Sooner.submit`."""
    return await here().submit(actor, params, **options)


async def submit_all(jobs: Iterable[Any], **options: Unpack[CallOptions]) -> list[Handle]:
    """Enqueue many jobs in one round trip: see `Sooner.submit_all`."""
    return await here().submit_all(jobs, **options)


def handle(id: UUID | str) -> Handle:
    """The job of an id, within an event loop: see `Handle`."""
    return here().handle(id)
