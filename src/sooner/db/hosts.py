"""A connection to the first of several hosts that accepts it, as libpq connects."""

import itertools
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from sooner.db import array_types

#: Errors after which the next host is tried; after others, such as a wrong password, it is not.
PASSED_OVER = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.TargetServerAttributeNotMatched,
)

#: What to do behind a pooler.
BEHIND_POOLER = (
    "a transaction-mode pooler refuses the connection ({}): set LISTEN=0 for a process, say Sooner(..., listen=False) in a "
    "program, or give the address of PostgreSQL itself"
)

#: libpq's names of socket options; None where the system lacks the option.
OPTIONS = {
    "keepalives_idle": getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None)),
    "keepalives_interval": getattr(socket, "TCP_KEEPINTVL", None),
    "keepalives_count": getattr(socket, "TCP_KEEPCNT", None),
    "tcp_user_timeout": getattr(socket, "TCP_USER_TIMEOUT", None),
}


class PoolerRefuses(Exception):
    """A transaction-mode pooler refuses the settings with which a connection that listens begins."""


async def connect(
    dsn: str,
    *,
    host: Sequence[str] | None = None,
    port: Sequence[int | None] | None = None,
    target_session_attrs: str | None = None,
    socket_options: Mapping[str, int] | None = None,
    **options: Any,
) -> asyncpg.Connection:
    """As `asyncpg.connect`, but each host has the whole of `timeout`, so that a silent host leaves time for the next.

    Raises the error of the last host, or of the first host that answered with a refusal; PoolerRefuses for a pooler's.
    """
    wanted: tuple[Any, ...] = (
        ("standby", "any") if target_session_attrs == "prefer-standby" else (target_session_attrs,)
    )
    places = list(zip(host or [""], port or [None], strict=True))
    missed: Exception = OSError("no host")
    for attributes, (name, number) in itertools.product(wanted, places):
        try:
            connection: asyncpg.Connection = await asyncpg.connect(
                dsn, host=name or None, port=number, target_session_attrs=attributes, **options
            )
        except PASSED_OVER as error:
            missed = error
        except asyncpg.ProtocolViolationError as error:
            if "startup parameter" in str(error):
                raise PoolerRefuses(BEHIND_POOLER.format(error)) from error
            raise
        else:
            _set(connection, socket_options or {})
            array_types.tell(connection)
            return connection
    raise missed


def _set(connection: asyncpg.Connection, options: Mapping[str, int]) -> None:
    """Set how soon a dead peer is noticed, as the address says; 0 leaves it to the system."""
    shown: Any = connection
    opened = shown._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg exposes its socket to nobody
    if opened is None or opened.family not in (socket.AF_INET, socket.AF_INET6):
        return
    for name, value in options.items():
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if value and (option := OPTIONS[name]) is not None:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
