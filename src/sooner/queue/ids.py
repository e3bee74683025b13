"""Job ids: UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time they were made."""

import os
import struct
import time
from datetime import UTC, datetime
from uuid import UUID

from asyncpg.pgproto import pgproto

_halves = struct.Struct(">QQ").pack


def uuid7() -> UUID:
    """A new id: 48 bits of milliseconds, 12 bits of their fraction (method 3 of section 6.2), 62 random bits."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    # asyncpg's own UUID, several times as fast to make and to write as the standard library's.
    return pgproto.UUID(_halves(milliseconds << 16 | 0x7000 | fraction, 0b10 << 62 | random))


def made_at(id: UUID) -> datetime | None:
    """The time at which a UUIDv7 was made; None for another UUID."""
    if id.version != 7:
        return None
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
