"""The network: checked connections to the outside."""

import ssl
from functools import cached_property
from typing import Any

import httpx

from sooner.outgoing.addresses import are_public
from sooner.outgoing.names import is_host, look_up
from sooner.outgoing.refusal import Refused
from sooner.outgoing.transport import PinnedTransport

RESOLVE_SECONDS = 10.0
TIMEOUT = httpx.Timeout(30, connect=10)
MOST_REDIRECTS = 5


class Network:
    """Connects to public addresses over HTTPS; `allow_private` also allows private addresses and HTTP, for closed networks."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private

    def check(self, url: str | httpx.URL) -> httpx.URL:
        """The address, if its form is allowed; nothing is resolved. Raises Refused."""
        try:
            url = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Refused(f"This is no address: {error}.") from None
        if url.scheme != "https" and not (self.allow_private and url.scheme == "http"):
            raise Refused.without_tls()
        if not is_host(url.raw_host.decode("ascii")):
            raise Refused("The address names no host.")
        if url.userinfo:
            raise Refused("The address must not carry a user name or password.")
        return url

    async def resolve(self, url: httpx.URL) -> list[str]:
        """The IP addresses behind an address's host, all of them checked; at least one.

        Raises Refused where any of them is not public, httpx.ConnectError where there is none.
        """
        host = url.raw_host.decode("ascii")
        found = await _look_up(host)
        if not self.allow_private and not are_public(found):
            raise Refused.private(host)
        return found

    def client(self, *, timeout: httpx.Timeout | float = TIMEOUT, **options: Any) -> httpx.AsyncClient:
        """A client that connects to checked addresses alone; `options` are httpx's. Close it (`async with`).

        Its requests, and redirects where `follow_redirects` is on, raise Refused beside httpx's errors.
        It keeps no connection open, returns no cookies, and uses no proxy and no .netrc.
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
        """The TLS context, made once: reading the authorities' certificates is slow. SSL_CERT_FILE names other certificates."""
        return httpx.create_ssl_context()


async def _look_up(host: str) -> list[str]:
    try:
        found = await look_up(host, RESOLVE_SECONDS)
    except TimeoutError:
        raise httpx.ConnectTimeout(f"{host} does not resolve in time") from None
    if not found:
        raise httpx.ConnectError(f"{host} does not resolve")
    return found
