"""The outside, as far as this service goes there."""

import asyncio
import re
import socket
import ssl
from functools import cached_property
from ipaddress import ip_address
from typing import Any

import httpx

from sooner.outgoing.addresses import is_public
from sooner.outgoing.refusal import Refused
from sooner.outgoing.transport import PinnedTransport

RESOLVE_SECONDS = 10.0
TIMEOUT = httpx.Timeout(30, connect=10)
MOST_REDIRECTS = 5

#: A name in ASCII or an IP address.
_HOST = re.compile(rb"[0-9a-z._:-]+")


class Network:
    """What may be reached. `allow_private` takes private addresses and plain HTTP too: for tests and closed networks."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private

    def check(self, url: str | httpx.URL) -> httpx.URL:
        """The address, if its form is one that is asked; resolves nothing. Raises Refused."""
        try:
            url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Refused(f"This is no address: {error}.") from None
        if url.scheme != "https" and not (self.allow_private and url.scheme == "http"):
            raise Refused("The address has to begin with https://.")
        if not _HOST.fullmatch(url.raw_host):
            raise Refused("The address names no host.")
        if url.userinfo:
            raise Refused("The address must not carry a user name or password.")
        return url

    async def resolve(self, url: httpx.URL) -> list[str]:
        """The IP addresses behind an address's host, all of them checked; at least one.

        Raises Refused when any of them is not public, httpx.ConnectError when there is none.
        """
        host = url.raw_host.decode("ascii")
        found = await _look_up(host)
        if not self.allow_private and not all(is_public(ip_address(address)) for address in found):
            raise Refused(f"{host} is an address of a private network, or resolves to one.")
        return found

    def client(self, *, timeout: httpx.Timeout | float = TIMEOUT, **options: Any) -> httpx.AsyncClient:
        """A client that goes nowhere else; `options` are httpx's. To be closed (`async with`).

        Its requests raise Refused beside httpx's errors, redirects included, where `follow_redirects` is on.
        It keeps no connection open, sends no cookie on, and knows no proxy and no .netrc.
        """
        return httpx.AsyncClient(
            transport=PinnedTransport(self.check, self.resolve, self._tls),
            timeout=timeout,
            max_redirects=MOST_REDIRECTS,
            trust_env=False,
            **options,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: reading the authorities' certificates takes tens of milliseconds. SSL_CERT_FILE names others."""
        return httpx.create_ssl_context()


async def _look_up(host: str) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise httpx.ConnectTimeout(f"{host} does not resolve in time") from None
    except (OSError, UnicodeError):
        raise httpx.ConnectError(f"{host} does not resolve") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
