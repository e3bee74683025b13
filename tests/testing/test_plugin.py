"""`sooner.testing`, as a team's tests use it: pytest in a process of its own, on tests that are written here."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import ROOT
from tests.support.documentation import examples
from tests.support.environment import environment

if TYPE_CHECKING:
    from pathlib import Path

PASSING = """
import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

import pytest
from pydantic import SecretStr

from sooner import Depends, Failure, Invalid, JobError, Upload, current, fetch_upload, job, scratch_folder, submit

loops = []


async def greeting() -> AsyncIterator[str]:
    yield "Hello"


@job
async def greet(name: str, word: Annotated[str, Depends(greeting)]) -> str:
    loops.append(asyncio.get_running_loop())
    return f"{word}, {name}"


@job
def greet_on_thread(name: str, token: SecretStr | None = None) -> str:
    return f"{name} {token and token.get_secret_value()} {current().tenant}"


@job(retries=3)
async def third_time() -> int:
    if current().attempt < 3:
        raise ConnectionError(f"attempt {current().attempt}")
    return current().attempt


@job
async def fails() -> None:
    raise ZeroDivisionError("by the actor")


@job
def fails_on_thread() -> None:
    raise Failure("no such thing", type="missing")


@job
async def parent() -> str:
    child = await submit(greet, {"name": "child"})
    return await child.result()


async def test_on_the_loop_of_the_test(sooner):
    document = await sooner.run(greet, name="Ada")
    assert (document["state"], document["result"], document["attempts"]) == ("done", "Hello, Ada", 1)
    assert loops == [asyncio.get_running_loop()]


@job
def parent_on_thread(name: str) -> str:
    async def child() -> str:
        return await (await submit(greet, {"name": name})).result()

    return asyncio.run(child())


async def test_a_thread_submits_from_a_loop_of_its_own(sooner):
    asked = [await sooner.submit(parent_on_thread, {"name": name}) for name in "abc"]
    results = [(await sooner.finish(each))["result"] for each in asked]
    assert results == ["Hello, a", "Hello, b", "Hello, c"]


async def test_on_a_thread_with_a_secret(sooner):
    document = await sooner.run(greet_on_thread, name="Ada", token="s3cret")
    assert document["result"] == "Ada ••• test"
    assert document["params"]["token"] == "•••"


@job
async def reads_again(upload: Upload) -> list[str]:
    async with scratch_folder() as folder:
        await fetch_upload(upload, folder)
        paths = await asyncio.gather(*(fetch_upload(upload, folder) for _ in range(3)))
        return [path.read_text() for path in paths]


async def test_an_upload_is_whole_however_often_it_is_fetched(sooner):
    upload = (await sooner.client.post("/uploads", content=b"whole")).json()["id"]
    assert (await sooner.run(reads_again, upload=upload))["result"] == ["whole"] * 3


async def test_http(sooner):
    answer = await sooner.client.post("/jobs/greet", json={"name": "Bob"})
    assert (answer.status_code, answer.json()["result"]) == (200, "Hello, Bob")
    assert (await sooner.client.get("/queues")).status_code == 403
    assert (await sooner.operator.get("/queues")).status_code == 200


async def test_each_test_has_a_database_of_its_own(sooner):
    assert (await sooner.client.get("/jobs")).json()["items"] == []


async def test_pauses_between_attempts_take_no_time(sooner):
    began = time.monotonic()
    document = await sooner.run(third_time)
    assert (document["result"], document["attempts"]) == (3, 3)
    assert time.monotonic() - began < 2


async def test_time_is_moved(sooner):
    later = await sooner.submit(greet, {"name": "Ada"}, delay=3600)
    await sooner.idle()
    assert (await later.document())["state"] == "waiting"
    await sooner.move(timedelta(hours=2))
    assert (await sooner.finish(later))["result"] == "Hello, Ada"


async def test_what_the_actor_raises_is_raised(sooner):
    with pytest.raises(ZeroDivisionError, match="by the actor") as raised:
        await sooner.run(fails)
    assert raised.traceback[-1].name == "fails"
    with pytest.raises(Failure, match="no such thing") as raised:
        await sooner.run(fails_on_thread)
    assert raised.traceback[-1].name == "fails_on_thread"
    with pytest.raises(Invalid):
        await sooner.run(greet)


@job(time_limit=0.1)
async def takes_too_long() -> None:
    await asyncio.sleep(60)


@job(time_limit=0.1)
def takes_too_long_on_thread() -> None:
    while True:
        time.sleep(0.01)


async def test_an_attempt_out_of_time_says_so(sooner):
    for actor in (takes_too_long, takes_too_long_on_thread):
        with pytest.raises(Failure, match="ran longer than this actor may"):
            await sooner.run(actor)


async def test_an_actor_that_nobody_declares_is_not_waited_for(sooner):
    with pytest.raises(LookupError, match="no actor gret is declared here: did you mean greet?"):
        await sooner.run("gret", name="Ada")


@pytest.mark.asyncio(loop_scope="module")
async def test_another_loop_is_refused(sooner):
    with pytest.raises(RuntimeError, match="asyncio_default_fixture_loop_scope"):
        await sooner.run(greet, name="Ada")


async def test_a_cancelled_job_is_told(sooner):
    job = await sooner.submit(greet, {"name": "Ada"}, delay=3600)
    await job.cancel()
    with pytest.raises(JobError, match="cancelled"):
        await sooner.finish(job)


async def test_jobs_of_jobs_run(sooner):
    assert (await sooner.run(parent))["result"] == "Hello, child"


def heavy() -> str:
    raise AssertionError("the model is loaded")


@job
async def predict(model: Annotated[str, Depends(heavy, eager=True)]) -> str:
    return model


async def test_an_eager_dependency_is_overridden_before_it_opens(sooner):
    sooner.override(heavy, lambda: "a small one")
    assert (await sooner.run(predict))["result"] == "a small one"


@job
async def sleeps() -> None:
    await asyncio.sleep(60)


async def test_overdue_jobs_are_cancelled(sooner):
    waiting = await sooner.submit(greet, {"name": "Ada"}, delay=7200, cancel_after=3600)
    running = await sooner.submit(sleeps, cancel_after=3600)
    while (await running.document())["state"] != "processing":
        await asyncio.sleep(0.01)
    await sooner.move(3601)
    for overdue in (waiting, running):
        with pytest.raises(JobError, match="cancelled"):
            await sooner.finish(overdue)


async def test_a_dependency_is_overridden(sooner):
    sooner.override(greeting, lambda: "Hi")
    assert (await sooner.run(greet, name="Ada"))["result"] == "Hi, Ada"


async def test_the_next_test_has_the_dependency_itself(sooner):
    assert (await sooner.run(greet, name="Ada"))["result"] == "Hello, Ada"


async def test_a_call_without_the_service_needs_nothing_of_the_test_before():
    assert await greet("Ada") == "Hello, Ada"
    with pytest.raises(RuntimeError, match="DATABASE_URL"):
        await submit(greet, {"name": "Ada"})


async def test_dramatiqs_own_send(sooner):
    await asyncio.to_thread(greet_on_thread.send, name="sent")
    await sooner.idle()
    [job] = (await sooner.operator.get("/jobs")).json()["items"]
    assert (job["state"], job["actor"]) == ("done", "greet_on_thread")


async def test_an_actor_of_the_deployment(sooner):
    assert (await sooner.run("echo", a=1))["result"] == {"a": 1}
"""
FAILING = """
from sooner import job


@job
async def divides(by: int) -> float:
    return 1 / by


async def test_it(sooner):
    await sooner.run(divides, by=0)
"""


def run(folder: Path, text: str, *, url: str | None) -> tuple[int, str]:
    """The exit code and the output of pytest on one module of tests."""
    (folder / "test_team.py").write_text(text)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "sooner.testing",
            "-p",
            "no:cacheprovider",
            "-o",
            "asyncio_mode=auto",
            "-o",
            "asyncio_default_fixture_loop_scope=function",
            str(folder),
        ],
        cwd=folder,
        env=environment(
            {"TEST_DATABASE_URL": url, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_teams_tests(tmp_path: Path, server_url: str) -> None:
    code, output = run(tmp_path, PASSING, url=server_url)

    assert code == 0, output
    assert "21 passed" in output


def test_the_traceback_of_an_actor_is_the_tests(tmp_path: Path, server_url: str) -> None:
    code, output = run(tmp_path, FAILING, url=server_url)

    assert code == 1
    assert "return 1 / by" in output
    assert "ZeroDivisionError: division by zero" in output


@pytest.mark.slow
def test_an_embedded_server_where_no_other_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path, PASSING, url=None)

    assert code == 0, output


def test_the_guide_about_testing_is_true(tmp_path: Path, server_url: str) -> None:
    text = "".join(example.text for example in examples("python") if example.page == "testing")

    code, output = run(tmp_path, text, url=server_url)

    assert code == 0, output
    assert "5 passed" in output
