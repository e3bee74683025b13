"""Job ids."""

from __future__ import annotations

import time

from sooner.queue.ids import uuid7

NANOSECONDS = 1_000_000


def test_ids_of_all_processes_sort_by_their_time_within_a_millisecond() -> None:
    """Other makers of UUIDv7 count within a process instead."""
    before = [time.time_ns()]
    ids = []
    for _ in range(100):
        ids.append(uuid7())
        before.append(time.time_ns())

    for earliest, id, latest in zip(before, ids, before[1:], strict=False):
        milliseconds, fraction = id.int >> 80, id.int >> 64 & 0xFFF
        made = milliseconds * NANOSECONDS + fraction * NANOSECONDS // 4096
        # The id's fraction is rounded down to 244 ns.
        assert earliest - 245 <= made <= latest
