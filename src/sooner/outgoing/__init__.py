"""HTTP to addresses that strangers name: a repository, an archive, a webhook.

A stranger must not reach addresses through this service that only this service can reach (server-side request forgery,
OWASP SSRF Prevention Cheat Sheet): every IP address behind a name is checked, the connection goes to a checked address
alone, and each redirect is checked again.
"""

from sooner.outgoing.network import Network
from sooner.outgoing.refusal import Refused
from sooner.outgoing.retry import briefly, transient

__all__ = ["Network", "Refused", "briefly", "transient"]
