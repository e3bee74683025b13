"""The resources that a worker lends its actors: its pool, its network, its mail server and its stores."""

from typing import TYPE_CHECKING

from sooner.blobs import Stores
from sooner.db import Database

if TYPE_CHECKING:
    # `sooner.outgoing` imports httpx, which web does not need.
    from sooner.outgoing import Network
    from sooner.outgoing.mail_server import MailServer

_lent: "list[tuple[Database, Network, MailServer | None, Stores]]" = []


def lend(
    database: Database,
    network: "Network",
    mail_server: "MailServer | None" = None,
    stores: Stores | None = None,
) -> None:
    """Set the resources that actors use. The worker calls this once when it begins."""
    _lent[:] = [(database, network, mail_server, stores or Stores())]


def take_back() -> None:
    """Lend nothing any more: a test's worker has ended, and its process goes on."""
    _lent.clear()


def database() -> Database:
    """The worker's pool, for async actors. Raises RuntimeError outside a worker."""
    return _ours()[0]


def network() -> "Network":
    """The checked way to addresses that clients name, for async actors. Raises RuntimeError outside a worker."""
    return _ours()[1]


def mail_server() -> "MailServer | None":
    """The server that takes our mail; None where the deployment names none. Raises RuntimeError outside a worker."""
    return _ours()[2]


def stores() -> Stores:
    """Where blobs lie. Raises RuntimeError outside a worker."""
    return _ours()[3]


def _ours() -> "tuple[Database, Network, MailServer | None, Stores]":
    if not _lent:
        raise RuntimeError("only a worker lends its actors anything")
    return _lent[0]
