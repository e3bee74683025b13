"""Job ids: UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time they were made."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID

import asyncpg.pgproto.pgproto


def uuid7() -> UUID:
    """A new id: 48 bits of milliseconds, 12 bits of their fraction (method 3 of section 6.2), 62 random bits."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    id = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random
    # The UUID in which asyncpg reads ids too: made and written several times as fast as the library's own.
    return asyncpg.pgproto.pgproto.UUID(id.to_bytes(16))


def made_at(id: UUID) -> datetime | None:
    """When a UUIDv7 was made; None for an id of another kind."""
    if id.version != 7:
        return None
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)
