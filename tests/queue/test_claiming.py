"""What a worker claims of a lane whose jobs need different resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sooner.queue.claim import Claimer, ServedLane
from sooner.queue.lane import Lane
from tests.queue.bench import Bench


@dataclass
class Lease:
    """A lease that is held."""

    id: UUID

    def is_held(self) -> bool:
        return True


async def test_jobs_that_need_a_thread_are_claimed_as_threads_are_free_and_hold_up_no_others(
    queue: Bench,
) -> None:
    threaded = [await queue.add(actor="burn") for _ in range(200)]
    others = [await queue.add(actor="echo") for _ in range(3)]
    started: list[UUID] = []
    threads = 2

    def start(row: Mapping[str, Any]) -> None:
        started.append(row["message_id"])

    def free() -> int:
        return threads - len(set(started) & set(threaded))

    served = ServedLane(Lane("default"), ["echo", "burn"], lambda: 100, ["burn"], free)
    claims = Claimer(queue.link, Lease(queue.worker), [served], start, list)
    claims.wake()
    await claims._next()
    assert sorted(started) == sorted([*threaded[:2], *others])

    claims.room()
    assert not claims._ready

    threads = 3
    claims.room()
    await claims._next()
    assert started[-1] == threaded[2]
