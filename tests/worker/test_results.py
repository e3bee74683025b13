"""What actors return."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.jobs import post

if TYPE_CHECKING:
    from tests.conftest import Service


async def test_a_synchronous_actors_result_is_the_jobs_and_nobody_is_warned(service: Service) -> None:
    job = await post(service.client, "burn", "wait=20", seconds=0)
    assert (job["state"], job["result"]) == ("done", {"burnt": 0.0})
    await service.worker.terminate()
    warnings = [line for line in service.worker.lines if json.loads(line)["level"] not in {"debug", "info"}]
    assert warnings == []
