"""The ids of a request: X-Request-ID and traceparent (W3C Trace Context, section 3.2)."""

import os
import re

from starlette.datastructures import Headers

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,200}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def correlate(fields: Headers) -> tuple[str, str]:
    """Request id and traceparent of a request: the client's where they are well formed, else new ones."""
    request_id, traceparent = fields.get("x-request-id"), fields.get("traceparent")
    random = os.urandom(40).hex()
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = random[:32]
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{random[32:64]}-{random[64:]}-01"
    return request_id, traceparent
