"""The database errors that pass by themselves, and the ways to try again."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import psycopg2
import psycopg2.errors
import tenacity

from sooner.process import logs

T = TypeVar("T")

log = logs.get(__name__)


class Unavailable(Exception):
    """The database is away or cannot work now; the same call may succeed later."""


class Silent(Unavailable):
    """The database's host does not even refuse a connection: another try would wait as long again."""


class TenantMoves(Unavailable):
    """The tenant's data is being moved to another database, or has been: nothing was written."""


#: Lost or refused connections, a server that starts, stops, or lacks connections, memory or disk; lost races.
TRANSIENT: tuple[type[BaseException], ...] = (
    Unavailable,
    OSError,
    asyncio.TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.ObjectInUseError,
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    psycopg2.errors.ReadOnlySqlTransaction,
)


def transient(error: BaseException) -> bool:
    """Whether the same call may succeed later without a change of this program."""
    return isinstance(error, TRANSIENT) and not isinstance(error, ValueError)


def unavailable(error: BaseException) -> Unavailable:
    """A transient error as callers see it. The schema's functions say ObjectInUse of a tenant that moves, nothing else does here."""
    if isinstance(error, asyncpg.ObjectInUseError):
        return TenantMoves(str(error))
    if isinstance(error, psycopg2.errors.ObjectInUse):
        return TenantMoves(error.diag.message_primary)
    return Unavailable(str(error) or type(error).__name__)


def _passes_soon(error: BaseException) -> bool:
    """Whether another try may succeed within moments."""
    return transient(error) and not isinstance(error, Silent | TenantMoves)


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0
    log.warning(
        "database away, trying again", error=str(error) or type(error).__name__, pause=round(pause, 2)
    )


def first_connection(seconds: float = 30) -> tenacity.AsyncRetrying:
    """For a process that starts before its database: it waits this long, then fails."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=2),
        stop=tenacity.stop_after_delay(seconds),
        before_sleep=_say,
        reraise=True,
    )


def forever() -> tenacity.AsyncRetrying:
    """For work that goes on as long as the process lives: pauses grow to two seconds, with jitter against stampedes."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
        before_sleep=_say,
    )


def unforeseen(what: str) -> tenacity.AsyncRetrying:
    """For a task that its process cannot do without: it logs unforeseen errors, such as a MemoryError, and goes on."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Exception),
        wait=tenacity.wait_fixed(1),
        before_sleep=lambda state: log.error(
            "failed, going on", what=what, exc_info=state.outcome and state.outcome.exception()
        ),
    )


async def or_again(first: Awaitable[T], again: Callable[[], Awaitable[T]]) -> T:
    """The result of `first`; where that was lost, the result of `again`, which is tried `briefly`.

    tenacity's loop around each first try would cost as much as a short statement.
    """
    try:
        return await first
    except (Silent, TenantMoves):
        raise
    except Unavailable:
        return await briefly()(again)


def briefly(attempts: int = 3) -> tenacity.AsyncRetrying:
    """For calls that somebody waits for: they replace a connection that was cut, and do not wait for a database that is away."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(_passes_soon),
        wait=tenacity.wait_random(0, 0.05),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )


def while_held(is_held: Callable[[], bool]) -> tenacity.Retrying:
    """For threads: tries again while the condition holds."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        stop=lambda state: not is_held(),
        before_sleep=_say,
        reraise=True,
    )
