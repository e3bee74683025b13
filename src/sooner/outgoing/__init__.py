"""HTTP to addresses that strangers name: a repository, an archive, a webhook.

A stranger must not reach addresses through this service that only this service can reach (server-side request forgery,
OWASP SSRF Prevention Cheat Sheet): every IP address behind a name is checked, the connection goes to a checked address
alone, and each redirect is checked again.

Each name is imported when it is first asked for: web, which connects nowhere, does not load httpx.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sooner.outgoing.network import Network
    from sooner.outgoing.refusal import Refused
    from sooner.outgoing.retry import briefly, transient

__all__ = ["Network", "Refused", "briefly", "transient"]

_HOMES = {
    "Network": "sooner.outgoing.network",
    "Refused": "sooner.outgoing.refusal",
    "briefly": "sooner.outgoing.retry",
    "transient": "sooner.outgoing.retry",
}


def __getattr__(name: str) -> Any:
    """A name of the package. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return globals()[name]
