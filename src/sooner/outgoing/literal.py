"""The check of an address by its text alone, before anything connects there: no name is looked up."""

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from sooner.outgoing.addresses import is_public
from sooner.outgoing.refusal import Refused


def check_literal(url: str) -> None:
    """Raises Refused for an address without TLS, a private IP address in any spelling, and a name of this machine."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Refused.without_tls()
    host = parts.hostname or ""
    if _is_local_name(host) or not all(map(is_public, map(ip_address, _literals(host)))):
        raise Refused.private(host)


def _is_local_name(host: str) -> bool:
    """Whether the name stands for the machine itself (RFC 6761, section 6.3)."""
    return f".{host.rstrip('.')}".endswith(".localhost")


def _literals(host: str) -> list[str]:
    """The IP address that the host is, as the resolver reads it (127.1 is 127.0.0.1); none for a name."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]
