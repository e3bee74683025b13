"""The position in a list as an opaque text in the next page's address."""

import base64
import binascii
import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sooner.jobs.following.listing import Position
from sooner.jobs.problem import Invalid, wrong

_PARTS = struct.Struct(">q16s")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encode(position: Position) -> str:
    """The text for a position."""
    microseconds = (position.created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_PARTS.pack(microseconds, position.id.bytes)).decode()


def decode(text: str) -> Position:
    """The position of a text that `encode` made. Raises Invalid for any other."""
    try:
        microseconds, id = _PARTS.unpack(base64.b64decode(text, altchars=b"-_", validate=True))
        return Position(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=id))
    except (ValueError, binascii.Error, struct.error, OverflowError):
        raise Invalid(
            [wrong("#/cursor", "the cursor is from no list: take it from the `next` of a page")]
        ) from None
