"""Which database errors pass by themselves, and how long each caller tries again."""

import asyncio
from collections.abc import Callable

import asyncpg
import psycopg2
import psycopg2.errors
import tenacity

from sooner.process import logs

log = logs.get(__name__)


class Unavailable(Exception):
    """The database cannot be reached, or cannot do its work now; the same call may succeed later."""


#: Connection lost or refused, server starting or stopping, out of connections, memory or disk; lost races.
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
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    psycopg2.errors.ReadOnlySqlTransaction,
)


def transient(error: BaseException) -> bool:
    """Whether the same call may succeed later without anyone mending anything in this program."""
    return isinstance(error, TRANSIENT) and not isinstance(error, ValueError)


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0
    log.warning(
        "database away, trying again", error=str(error) or type(error).__name__, pause=round(pause, 2)
    )


def first_connection(seconds: float = 30) -> tenacity.AsyncRetrying:
    """A process that starts before its database waits for it this long, then fails."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=2),
        stop=tenacity.stop_after_delay(seconds),
        before_sleep=_say,
        reraise=True,
    )


def forever() -> tenacity.AsyncRetrying:
    """What must go on as long as the process lives: pauses grow to two seconds, with jitter against stampedes."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=2),
        before_sleep=_say,
    )


def unforeseen(what: str) -> tenacity.AsyncRetrying:
    """For a task without which its process is a shell: what nobody foresaw (memory ran out) is logged, and on it goes."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Exception),
        wait=tenacity.wait_fixed(1),
        before_sleep=lambda state: log.error(
            "failed, going on", what=what, exc_info=state.outcome and state.outcome.exception()
        ),
    )


def briefly(attempts: int = 3) -> tenacity.AsyncRetrying:
    """What a caller waits for: a connection that was just cut is replaced, a database that is away is not waited for."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random(0, 0.05),
        stop=tenacity.stop_after_attempt(attempts),
        reraise=True,
    )


def while_held(is_held: Callable[[], bool]) -> tenacity.Retrying:
    """For threads: goes on while the condition holds."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(transient),
        wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
        stop=lambda state: not is_held(),
        before_sleep=_say,
        reraise=True,
    )
