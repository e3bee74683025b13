"""The resources that a worker lends its actors: its pool and its network."""

from typing import TYPE_CHECKING

from sooner.db import Database

if TYPE_CHECKING:
    # `sooner.outgoing` imports httpx, which web does not need.
    from sooner.outgoing import Network

_lent: "list[tuple[Database, Network]]" = []


def lend(database: Database, network: "Network") -> None:
    """Set the resources that actors use. The worker calls this once when it begins."""
    _lent[:] = [(database, network)]


def take_back() -> None:
    """Lend nothing any more: a test's worker has ended, and its process goes on."""
    _lent.clear()


def database() -> Database:
    """The worker's pool, for async actors. Raises RuntimeError outside a worker."""
    return _ours()[0]


def network() -> "Network":
    """The checked way to addresses that clients name, for async actors. Raises RuntimeError outside a worker."""
    return _ours()[1]


def _ours() -> "tuple[Database, Network]":
    if not _lent:
        raise RuntimeError("only a worker lends its actors anything")
    return _lent[0]
