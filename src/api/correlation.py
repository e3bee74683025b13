"""Which request this is: X-Request-ID and traceparent (W3C Trace Context, section 3.2)."""

import os
import re
from collections.abc import Iterable

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,200}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def correlate(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str, str]:
    """Request id and traceparent of a request: taken over where they fit, made up where not."""
    request_id = traceparent = None
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            traceparent = value.decode()
    if request_id is not None and traceparent is not None:
        return request_id, traceparent
    random = os.urandom(40).hex()
    return request_id or random[:32], traceparent or f"00-{random[32:64]}-{random[64:]}-01"
