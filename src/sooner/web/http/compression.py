"""Answers in fewer bytes (RFC 9110, section 12.5.3; RFC 8878 for zstd)."""

import asyncio
import gzip
from functools import lru_cache, partial

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from sooner.process.zstd import zstd

#: Shorter answers fit in one packet anyway.
LEAST_BYTES = 1000
#: Longer ones are compressed on a thread: they would hold up the loop for milliseconds.
LONG_BYTES = 100_000
JSON = ("application/json", "application/problem+json")

#: Both at their fastest: an answer is compressed once, and read once.
_COMPRESS = {"zstd": partial(zstd.compress, level=1), "gzip": partial(gzip.compress, compresslevel=1)}


@lru_cache(256)
def coding(accepted: str) -> str | None:
    """The coding for an Accept-Encoding field: the best of zstd and gzip by its weights, None where it takes neither."""
    weights = dict(map(_weight, accepted.lower().split(",")))
    named = {name: weights.get(name, weights.get("*", 0.0)) for name in _COMPRESS}
    best = max(named, key=named.__getitem__)
    return best if named[best] > 0 and named[best] >= weights.get("identity", 0.0) else None


def _weight(part: str) -> tuple[str, float]:
    name, _, parameters = part.partition(";")
    key, _, weight = parameters.strip().partition("=")
    try:
        return name.strip(), float(weight) if key.strip() == "q" else 1.0
    except ValueError:
        return name.strip(), 0.0


class Compressing:
    """Sends an answer, compressed where it is JSON that is there as a whole and long enough. Streams pass as they come."""

    __slots__ = ("_coding", "_send", "_start")

    def __init__(self, send: Send, coding: str) -> None:
        self._send = send
        self._coding = coding
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_worth_it(message):
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body") and message["type"] == "http.response.body" and message["body"]:
                message = await self._compressed(start, message)
            await self._send(start)
        await self._send(message)

    async def _compressed(self, start: Message, message: Message) -> Message:
        body, compress = message["body"], _COMPRESS[self._coding]
        body = compress(body) if len(body) < LONG_BYTES else await asyncio.to_thread(compress, body)
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Encoding"], headers["Content-Length"] = self._coding, str(len(body))
        headers.add_vary_header("Accept-Encoding")
        if (tag := headers.get("ETag")) is not None and not tag.startswith("W/"):
            # The same document in other bytes (RFC 9110, section 8.8.1).
            headers["ETag"] = f"W/{tag}"
        return {**message, "body": body}


def _is_worth_it(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    return (
        headers.get("content-type", "").partition(";")[0] in JSON
        and int(headers.get("content-length", 0)) > LEAST_BYTES
        and "content-encoding" not in headers
        and "content-range" not in headers
    )
