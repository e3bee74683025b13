"""HTTP to addresses that strangers name: a repository, an archive, a webhook.

Whoever names an address must not reach through this service what only this service can reach (server-side request
forgery, OWASP SSRF Prevention Cheat Sheet): every address a name resolves to is checked, the connection goes to the
checked address and no other, and each redirect is checked anew.
"""

from sooner.outgoing.network import Network
from sooner.outgoing.refusal import Refused
from sooner.outgoing.retry import briefly, transient

__all__ = ["Network", "Refused", "briefly", "transient"]
