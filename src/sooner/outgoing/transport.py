"""Connections to the IP address that was checked."""

import ssl
from collections.abc import Awaitable, Callable

import httpx

Check = Callable[[httpx.URL], httpx.URL]
Resolve = Callable[[httpx.URL], Awaitable[list[str]]]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Resolves each request's host itself and connects to the checked IP address.

    Otherwise a name server could answer the check with one address and the connection with another (DNS rebinding).
    TLS still verifies the host's certificate, and `Host` still has its name. `check` and `resolve` are the network's.
    """

    def __init__(self, check: Check, resolve: Resolve, tls: ssl.SSLContext) -> None:
        self._check = check
        self._resolve = resolve
        # Its pool knows connections by IP address alone: a kept connection could serve a request to another name.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = self._check(request.url)
        *others, last = await self._resolve(url)
        for address in others:
            try:
                return await self._inner.handle_async_request(_pinned(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing was sent yet, so the next address may be tried.
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
