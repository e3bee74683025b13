"""The two clients: `Client` blocks, `AsyncClient` awaits; both speak as `steps` say."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, Self, TypeVar, Unpack
from uuid import UUID

import httpx
import tenacity

from sooner.client import steps
from sooner.client.exchange import PATIENCE, Ask, Passing, checked, lost
from sooner.client.problem import ProblemError
from sooner.client.steps import Document, Filter, SubmitOptions

T = TypeVar("T")

Steps = Generator[Ask, httpx.Response, T]

TIMEOUT_SECONDS = 30.0

#: Called with the names of shards that do not answer.
OnMissing = Callable[[Sequence[str]], object]


def _options(url: str | None, key: str | None, transport: Any) -> dict[str, Any]:
    """The options of httpx's client. Raises ValueError where there is no key, or what is there is none, or no address."""
    key = (key or os.environ.get("SOONER_KEY") or "").strip()
    if not key:
        raise ValueError("SOONER_KEY: missing (python -m src.keys create --tenant T prints a key)")
    if not re.fullmatch(r"[!-~]+", key):
        raise ValueError("SOONER_KEY: no key (python -m src.keys create --tenant T prints one)")
    base = (url or os.environ.get("SOONER_URL") or "http://localhost:8000").strip().rstrip("/")
    if not _is_address(base):
        raise ValueError(f"SOONER_URL: {base} is no address such as https://sooner.example.org")
    return {"base_url": base, "headers": {"Authorization": f"Bearer {key}"}, "transport": transport}


def _is_address(url: str) -> bool:
    try:
        parts = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parts.scheme in ("http", "https") and bool(parts.host) and not parts.query and not parts.fragment


class Client:
    """The service for a program without an event loop. Close it, or use it in a `with`.

    url: SOONER_URL, or else http://localhost:8000. key: SOONER_KEY.

    Every method sends its request again after a lost connection, 429, 502, 503 and 504. Raises ProblemError, and NoAnswer in the end.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(**_options(url, key, transport))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self, actor: str, params: Document | None = None, **options: Unpack[SubmitOptions]
    ) -> Document:
        """Submit a job; the document as it is when the wait ends. A request that is sent again makes no second job."""
        return self._run(steps.submit(actor, params or {}, options))

    def document(self, id: UUID | str) -> Document:
        """The job document as it is now."""
        return self._run(steps.document(id))

    def follow(self, id: UUID | str, *, seconds: float = inf) -> Iterator[Document]:
        """The job document, at once and at each change, up to the final one, for so many seconds at most."""
        until = monotonic() + seconds
        seen, tag = self._run(steps.look(id, None))
        while seen is not None:
            yield seen
            if steps.is_final(seen) or monotonic() >= until:
                return
            seen, tag = self._run(steps.look(id, tag, until))

    def output(
        self,
        id: UUID | str,
        *,
        on_reset: Callable[[], object] = lambda: None,
        on_truncated: Callable[[], object] = lambda: None,
    ) -> Iterator[Any]:
        """The pieces that the job puts out, each once, as they come, up to its end. It goes on where it was after a lost connection.

        on_reset: called where the job is tried again: its output begins anew, and the pieces so far are void.
        on_truncated: called behind the last piece that fits into MAX_OUTPUT_BYTES, where the job puts out more.
        """
        after, is_complete = 0, False
        while not is_complete:
            items, after, is_complete, is_reset, is_truncated = self._run(steps.output(id, after))
            if is_reset:
                on_reset()
            yield from items
            if is_truncated:
                on_truncated()

    def finish(self, id: UUID | str) -> Document:
        """Wait for the job's end; the result is its document."""
        last: Document = {}
        for document in self.follow(id):
            last = document
        return last

    def result(self, id: UUID | str) -> bytes:
        """The bare result of a final job: JSON, or the file that it made."""
        return self._run(steps.result(id))

    def cancel(self, id: UUID | str) -> Document:
        """Cancel the job."""
        return self._run(steps.act(id, "cancel"))

    def retry(self, id: UUID | str) -> Document:
        """Try a failed job again."""
        return self._run(steps.act(id, "retry"))

    def resolve(self, id: UUID | str, note: str | None = None) -> Document:
        """Mark a failed job as dealt with."""
        return self._run(steps.act(id, "resolve", note))

    def jobs(self, *, on_missing: OnMissing | None = None, **filter: Unpack[Filter]) -> Iterator[Document]:
        """The jobs, newest first, over all pages.

        `on_missing` is called with the names of shards that do not answer: the page lacks their jobs.
        """
        yield from self._listed("/jobs", filter, on_missing)

    def actors(self) -> list[Document]:
        """The actors, with the schemas of their parameters and results."""
        return list(self._listed("/actors", {}))

    def logs(self, id: UUID | str) -> list[Document]:
        """The lines that the job's code logged, over all pages."""
        return list(self._listed(*steps.logs(id)))

    def upload(self, content: bytes) -> Document:
        """Store a file for a job's parameter; the result has its `id`."""
        return self._run(steps.upload(content))

    def _listed(
        self, path: str, query: Mapping[str, Any], on_missing: OnMissing | None = None
    ) -> Iterator[Document]:
        page, after, missing = self._run(steps.page(path, query))
        while True:
            if missing and on_missing is not None:
                on_missing(missing)
            yield from page
            if after is None:
                return
            page, after, missing = self._run(steps.page(path, query, after))

    def _run(self, asked: "Steps[T]") -> T:
        try:
            ask = next(asked)
            while True:
                try:
                    answer = self._ask(ask)
                except ProblemError as error:
                    ask = asked.throw(error)
                else:
                    ask = asked.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    def _ask(self, ask: Ask) -> httpx.Response:
        if ask.pause:
            time.sleep(ask.pause)
        try:
            return tenacity.Retrying(**PATIENCE)(self._once, ask)
        except Passing as error:
            raise error.error from None

    def _once(self, ask: Ask) -> httpx.Response:
        try:
            return checked(self._http.request(ask.method, ask.path, **ask.options(TIMEOUT_SECONDS)), ask)
        except httpx.TransportError as error:
            raise lost(error, self._http.base_url, ask) from error


class AsyncClient:
    """As `Client`, for programs with an event loop. Close it, or use it in an `async with`."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(**_options(url, key, transport))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self, actor: str, params: Document | None = None, **options: Unpack[SubmitOptions]
    ) -> Document:
        """Submit a job; the document as it is when the wait ends. A request that is sent again makes no second job."""
        return await self._run(steps.submit(actor, params or {}, options))

    async def document(self, id: UUID | str) -> Document:
        """The job document as it is now."""
        return await self._run(steps.document(id))

    async def follow(self, id: UUID | str, *, seconds: float = inf) -> AsyncIterator[Document]:
        """The job document, at once and at each change, up to the final one, for so many seconds at most."""
        until = monotonic() + seconds
        seen, tag = await self._run(steps.look(id, None))
        while seen is not None:
            yield seen
            if steps.is_final(seen) or monotonic() >= until:
                return
            seen, tag = await self._run(steps.look(id, tag, until))

    async def output(
        self,
        id: UUID | str,
        *,
        on_reset: Callable[[], object] = lambda: None,
        on_truncated: Callable[[], object] = lambda: None,
    ) -> AsyncIterator[Any]:
        """As `Client.output`."""
        after, is_complete = 0, False
        while not is_complete:
            items, after, is_complete, is_reset, is_truncated = await self._run(steps.output(id, after))
            if is_reset:
                on_reset()
            for piece in items:
                yield piece
            if is_truncated:
                on_truncated()

    async def finish(self, id: UUID | str) -> Document:
        """Wait for the job's end; the result is its document."""
        last: Document = {}
        async for document in self.follow(id):
            last = document
        return last

    async def result(self, id: UUID | str) -> bytes:
        """The bare result of a final job: JSON, or the file that it made."""
        return await self._run(steps.result(id))

    async def cancel(self, id: UUID | str) -> Document:
        """Cancel the job."""
        return await self._run(steps.act(id, "cancel"))

    async def retry(self, id: UUID | str) -> Document:
        """Try a failed job again."""
        return await self._run(steps.act(id, "retry"))

    async def resolve(self, id: UUID | str, note: str | None = None) -> Document:
        """Mark a failed job as dealt with."""
        return await self._run(steps.act(id, "resolve", note))

    async def jobs(
        self, *, on_missing: OnMissing | None = None, **filter: Unpack[Filter]
    ) -> AsyncIterator[Document]:
        """The jobs, newest first, over all pages.

        `on_missing` is called with the names of shards that do not answer: the page lacks their jobs.
        """
        async for job in self._listed("/jobs", filter, on_missing):
            yield job

    async def actors(self) -> list[Document]:
        """The actors, with the schemas of their parameters and results."""
        return [actor async for actor in self._listed("/actors", {})]

    async def logs(self, id: UUID | str) -> list[Document]:
        """The lines that the job's code logged, over all pages."""
        return [line async for line in self._listed(*steps.logs(id))]

    async def upload(self, content: bytes) -> Document:
        """Store a file for a job's parameter; the result has its `id`."""
        return await self._run(steps.upload(content))

    async def _listed(
        self, path: str, query: Mapping[str, Any], on_missing: OnMissing | None = None
    ) -> AsyncIterator[Document]:
        page, after, missing = await self._run(steps.page(path, query))
        while True:
            if missing and on_missing is not None:
                on_missing(missing)
            for item in page:
                yield item
            if after is None:
                return
            page, after, missing = await self._run(steps.page(path, query, after))

    async def _run(self, asked: "Steps[T]") -> T:
        try:
            ask = next(asked)
            while True:
                try:
                    answer = await self._ask(ask)
                except ProblemError as error:
                    ask = asked.throw(error)
                else:
                    ask = asked.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value

    async def _ask(self, ask: Ask) -> httpx.Response:
        if ask.pause:
            await asyncio.sleep(ask.pause)
        try:
            return await tenacity.AsyncRetrying(**PATIENCE)(self._once, ask)
        except Passing as error:
            raise error.error from None

    async def _once(self, ask: Ask) -> httpx.Response:
        try:
            answer = await self._http.request(ask.method, ask.path, **ask.options(TIMEOUT_SECONDS))
            return checked(answer, ask)
        except httpx.TransportError as error:
            raise lost(error, self._http.base_url, ask) from error
