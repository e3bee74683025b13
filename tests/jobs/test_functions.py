"""An actor is a function: calling it runs it, here, in a test, a script, or another actor."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sooner import Failure, current, progress
from tests.support.jobs import final, post
from tests.support.sayings import calls_another, greets, greets_on_thread

if TYPE_CHECKING:
    from tests.conftest import Service
    from tests.support.processes import Processes

SCRIPT = """
import asyncio
from sooner import current, job, progress

@job
async def greet(name: str) -> str:
    progress(0.5, "half")
    return f"Hello, {name}"

@job
def count(text: str, times: int = 2) -> int:
    return len(text) * times * current().attempt

print(count("ab"), count("ab", times=3), asyncio.run(greet("Ada")))
"""


async def test_calling_an_actor_runs_its_function() -> None:
    assert await greets("Ada") == "Hello, Ada, attempt 1"
    assert greets_on_thread("Ada") == "Hello, Ada, attempt 1"
    with pytest.raises(Failure, match="nobody"):
        greets_on_thread("")


def test_outside_a_job_there_is_a_neutral_one() -> None:
    progress(0.5, "reaches nobody")
    me = current()

    assert (me.id, me.tenant, me.attempt, me.crashes, me.request_id) == (UUID(int=0), None, 1, 0, None)


def test_a_script_needs_no_deployment() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("4 6 Hello, Ada\n", "")


def test_a_notebooks_cell_may_be_run_again() -> None:
    cell = "from sooner import job\n\n@job\ndef greet(name: str) -> str:\n    return name\n\n"

    again = cell.replace("return name", "return name * 2")
    done = subprocess.run(
        [sys.executable, "-c", f"{cell}{again}print(greet('a'))"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("aa\n", "")


async def test_an_actor_may_call_another_one(service: Service, processes: Processes) -> None:
    await service.worker.terminate()
    web = await processes.web(module="tests.support.sayings")
    service.client.base_url = web.url
    await processes.worker(module="tests.support.sayings")
    for actor in (calls_another, "calls_another_on_thread"):
        name = actor if isinstance(actor, str) else actor.actor_name
        job = await final(service.client, (await post(service.client, name))["id"])

        assert job["error"] is None
        # The called one's failure is the caller's to catch, and its code runs in the caller's job.
        assert job["result"] == ["nobody", "Hello, Ada, attempt 1"]
