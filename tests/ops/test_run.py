"""`./ops/run` as a person uses it, in a copy of the checkout."""

from __future__ import annotations

import contextlib
import shlex
import signal
import socket
import sys
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

if TYPE_CHECKING:
    from tests.ops.conftest import Checkout

# The program behind ./ops/run, without the set-up of an environment; the test marked slow runs the whole.
RUN = f"{shlex.quote(sys.executable)} -m sooner.local.run"
UP = "running until Ctrl-C"
SAMPLE = r"inventory_tests: (\d+) files, (\d+) tests, (\d+) suites; .+, \d+ ms"


@pytest.mark.slow
async def test_check_from_nothing_but_python(checkout: Checkout) -> None:
    run = checkout.start("./ops/run --check")
    assert await run.exit(timeout=600) == 0, run.output
    assert (await run.line(SAMPLE))[1] != "0"
    assert checkout.processes() == []


async def test_check_counts_this_checkouts_tests_and_a_second_one_keeps_the_data(checkout: Checkout) -> None:
    keys = []
    for _ in range(2):
        run = checkout.start(f"{RUN} --check")
        assert await run.exit() == 0, run.output
        files, tests, _ = map(int, (await run.line(SAMPLE)).groups())
        assert 0 < files < tests
        assert checkout.processes() == []
        keys.append((await run.line(r"key:\s+(\S+)"))[1])
    # A key that the service no longer knew would have been replaced.
    assert keys[0] == keys[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
async def test_serves_until_a_signal_ends_everything(checkout: Checkout, number: signal.Signals) -> None:
    run = checkout.start(RUN)
    await run.line(UP)
    page = (await run.line(r"page: (\S+)"))[1]
    key = (await run.line(r"key:\s+(\S+)"))[1]
    async with httpx.AsyncClient(base_url=page, trust_env=False, timeout=60) as client:
        headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=20"}
        answer = await client.post("jobs/echo", json={"hello": 1}, headers=headers)
    assert (answer.status_code, answer.json()["result"]) == (200, {"hello": 1})
    assert listening(checkout, httpx.URL(page).port) <= {"127.0.0.1", "::1"}
    run.send(number)
    assert await run.exit() == 0, run.output
    assert checkout.processes() == []


def listening(checkout: Checkout, port: int | None) -> set[str]:
    """The addresses on which the run listens at a port."""
    sockets = [each for process in checkout.processes() for each in process.net_connections("inet")]
    found = {
        each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN and each.laddr.port == port
    }
    assert found, "nothing listens there"
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "program"), [("web", "uvicorn"), ("worker", "dramatiq"), ("scheduler", "src.scheduler")]
)
async def test_a_process_that_dies_is_started_again(checkout: Checkout, name: str, program: str) -> None:
    run = checkout.start(RUN)
    await run.line(UP)
    seen = len(run.lines)
    for process in checkout.processes():
        # One may be gone by the time it is its turn: with the first of them, or with its work.
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(word.endswith(program) for word in process.cmdline()[:3]):
                process.kill()
    await run.line(f"{name} ended .*, starting it again", after=seen)
    await run.line(rf"{name} +\| ", after=seen)
    assert run.running()


@pytest.mark.slow
async def test_what_a_killed_run_left_is_cleared(checkout: Checkout) -> None:
    first = checkout.start(RUN)
    await first.line(UP)
    await first.kill()
    assert checkout.processes() != []
    second = checkout.start(f"{RUN} --check")
    assert await second.exit() == 0, second.output
    assert checkout.processes() == []


@pytest.mark.slow
async def test_one_run_a_checkout(checkout: Checkout) -> None:
    first = checkout.start(RUN)
    await first.line(UP)
    second = checkout.start(RUN)
    assert await second.exit() == 1
    assert f"already running in this checkout (process {first.pid})" in second.output
    assert first.running()


async def test_a_taken_port_is_named(checkout: Checkout) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        run = checkout.start(RUN, PORT=str(port))
        assert await run.exit() == 1
    assert f"PORT={port} is taken" in run.output
    assert checkout.processes() == []


@pytest.mark.parametrize("name", ["LEASE_SECONDS", "WEB_CONCURRENCY"])
async def test_wrong_settings_end_it_with_78(name: str, checkout: Checkout) -> None:
    run = checkout.start(RUN, **{name: "soon"})
    assert await run.exit() == 78
    assert f"{name}: " in run.output
    assert checkout.processes() == []


async def test_a_release_that_fails_is_an_error(checkout: Checkout) -> None:
    run = checkout.start(f"{RUN} --check", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert await run.exit() == 1
    assert "`alembic upgrade head` failed" in run.output
