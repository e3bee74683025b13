"""Connections to the address that was checked."""

import ssl
from collections.abc import Awaitable, Callable

import httpx

Check = Callable[[httpx.URL], httpx.URL]
Resolve = Callable[[httpx.URL], Awaitable[list[str]]]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves each request's host itself and connects to what was checked.

    Else a name server could answer the check with one address and the connection with another (DNS rebinding).
    TLS still asks for the host's certificate, and `Host` still says its name. `check` and `resolve` are the network's.
    """

    def __init__(self, check: Check, resolve: Resolve, tls: ssl.SSLContext) -> None:
        self._check = check
        self._resolve = resolve
        # Its pool knows connections by IP address alone: one that is kept could serve another name's request.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = self._check(request.url)
        *others, last = await self._resolve(url)
        for address in others:
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing was sent yet: as good as never asked.
                continue
        return await self._inner.handle_async_request(_pinned(request, last))

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    name = request.url.raw_host.decode("ascii")
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": name},
    )
