"""`./ops/run` beside an editor: what is saved under `src/` runs, and what cannot be loaded harms nothing."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.environment import environment
from tests.support.processes import PATIENCE, Process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.ops.conftest import Checkout

RUN = f"{shlex.quote(sys.executable)} -m sooner.local.run"
UP = "running until Ctrl-C"
FRESH = """from sooner import job


@job
async def fresh() -> str:
    return "{}"
"""
BROKEN = """from sooner import job


@job
async def fresh(_x: int) -> None: ...
"""


class Run:
    """A run that is up, and the API it serves."""

    def __init__(self, checkout: Checkout, process: Process, client: httpx.AsyncClient) -> None:
        self.checkout, self.process, self.client = checkout, process, client

    def save(self, text: str, name: str = "fresh") -> int:
        """Saves an actor's module; the number of lines that the run had printed before."""
        printed = len(self.process.lines)
        (self.checkout.folder / "src" / "actors" / f"{name}.py").write_text(text)
        return printed

    async def result(self, actor: str) -> Any:
        """What a new job of an actor answers; the status where there is none."""
        answer = await self.client.post(f"/jobs/{actor}", json={}, headers={"Prefer": "wait=20"})
        return answer.json().get("result", answer.status_code)

    async def until(self, actor: str, result: Any) -> None:
        """Waits until an actor answers so. While one web process follows another nothing may listen."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if await self.result(actor) == result:
                        return
                await asyncio.sleep(0.02)

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What `./ops/exec` does, without the set-up of an environment."""
        return execute(self.checkout, *command)


@contextlib.asynccontextmanager
async def running(checkout: Checkout, *arguments: str) -> AsyncIterator[Run]:
    """A run that is up; it is ended with the checkout."""
    process = checkout.start(" ".join([RUN, *arguments]))
    await process.line(UP)
    url = (await process.line(r"page: (http://[^/]+)"))[1]
    headers = {"Authorization": f"Bearer {(await process.line(r'key: +([^ ]+)'))[1]}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=PATIENCE) as client:
        yield Run(checkout, process, client)


def execute(checkout: Checkout, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sooner.local.exec", *command],
        cwd=checkout.folder,
        env=environment({}),
        capture_output=True,
        text=True,
        check=False,
    )


def shown(lines: Sequence[str], first: str) -> list[str]:
    """What the run itself says from a line on that begins so."""
    own = [line.removeprefix("run       | ") for line in lines if line.startswith("run       | ")]
    [begin] = [number for number, line in enumerate(own) if line.startswith(first)]
    return own[begin:]


def serving(process: Process, program: str) -> int:
    """How many processes of a program the run has."""
    return sum(any(word.endswith(program) for word in each.cmdline()[:3]) for each in process.tree())


async def test_what_is_saved_runs_and_what_cannot_be_loaded_harms_nothing(checkout: Checkout) -> None:
    (checkout.folder / ".env").write_text("SHUTDOWN_TIMEOUT_SECONDS=1\nLOG_LEVEL=\n")
    async with running(checkout) as run:
        # A new actor; the job that runs meanwhile is given back, and done by the next worker.
        job = (
            await run.client.post("/jobs/sleep", json={"seconds": 4}, headers={"Prefer": "wait=0.2"})
        ).json()
        assert job["state"] == "processing"
        run.save(FRESH.format("one"))
        await run.until("fresh", "one")

        # A change of as many bytes, in the same second.
        run.save(FRESH.format("two"))
        await run.until("fresh", "two")

        # What cannot be loaded is shown once, with file and line.
        printed = run.save(BROKEN)
        await run.process.line("cannot be loaded", after=printed)
        assert await run.result("fresh") == "two"
        run.save(FRESH.format("three"))
        await run.until("fresh", "three")
        said = shown(run.process.lines[printed:], "src/actors/fresh.py changed, and cannot be loaded")
        error = said[: next(number for number, line in enumerate(said) if "loaded in" in line)]
        assert len(error) <= 15
        assert f'File "{checkout.folder}/src/actors/fresh.py", line 4' in "\n".join(error)
        assert (
            run.process.output.count("parameter _x would be hidden")
            == "\n".join(error).count("would be hidden")
            == 1
        )

        while job["state"] in {"waiting", "processing"}:
            job = (await run.client.get(job["urls"]["self"], headers={"Prefer": "wait=20"})).json()
        assert (job["state"], job["crashes"]) == ("done", 0)

        # A command beside it has its environment, .env included.
        doctor = run.execute("python", "-m", "src.doctor")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        names = (
            "import os; print(*[os.environ[name] for name in ('DATABASE_URL', 'SHUTDOWN_TIMEOUT_SECONDS')])"
        )
        told = run.execute("python", "-c", names).stdout.split()
        assert told == [(await run.process.line(r"DATABASE_URL=(\S+)"))[1], "1"]
        nothing = run.execute("no-such-command")
        assert (nothing.returncode, nothing.stderr) == (
            127,
            "ops/exec: no-such-command: No such file or directory\n",
        )
        assert run.execute("").stderr.startswith("usage: ./ops/exec COMMAND")
        assert await run.process.terminate() == 0
        assert checkout.processes() == []


async def test_what_cannot_be_loaded_at_the_start_is_shown_and_ends_it(checkout: Checkout) -> None:
    (checkout.folder / "src" / "actors" / "fresh.py").write_text("import nothing_of_this_name\n")
    run = checkout.start(f"{RUN} --check")
    assert await run.exit() == 1
    assert run.output.count("ModuleNotFoundError: No module named 'nothing_of_this_name'") == 1
    assert f'File "{checkout.folder}/src/actors/fresh.py", line 1' in run.output
    assert checkout.processes() == []


@pytest.mark.slow
async def test_no_reload_starts_nothing_ahead(checkout: Checkout) -> None:
    async with running(checkout, "--no-reload") as run:
        assert serving(run.process, "uvicorn") == serving(run.process, "dramatiq") // 2 == 1


@pytest.mark.slow
async def test_several_web_processes_are_replaced_too(checkout: Checkout) -> None:
    (checkout.folder / ".env").write_text("WEB_CONCURRENCY=2\nWORKER_PROCESSES=2\n")
    async with running(checkout) as run:
        run.save(FRESH.format("one"))
        await run.until("fresh", "one")
        printed = run.save("def (:\n")
        await run.process.line("SyntaxError", after=printed)
        assert await run.result("fresh") == "one"
        run.save(FRESH.format("two"))
        await run.until("fresh", "two")


def test_a_command_without_a_run_says_to_start_one(checkout: Checkout) -> None:
    done = execute(checkout, "true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no ./ops/run is up in this checkout: start it" in done.stderr
