"""`./ops/run`: the whole service on one machine, until Ctrl-C.

python -m sooner.local.run [--check]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import httpx

from sooner.local.console import say
from sooner.local.credentials import Credentials, KeysError
from sooner.local.environments import (
    PortError,
    base_url,
    choose_port,
    common_environment,
    process_environments,
)
from sooner.local.exclusive import MARK, RunningError, exclusive
from sooner.local.postgres import Cluster, PostgresError
from sooner.local.procfile import read_procfile
from sooner.local.project import DATA, ROOT, ProjectError, sample
from sooner.local.sample import SampleError, run_sample
from sooner.local.supervised_process import EX_CONFIG, SettingsError, SupervisedProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence


class StartError(Exception):
    """The service did not come up; the message says what failed."""


PROCESSES: Final = ("web", "worker", "scheduler")
GRACE_SECONDS: Final = 6
"""For web, worker and scheduler to end; of the ten seconds PostgreSQL gets the rest."""

FAILURES: Final = (
    httpx.HTTPError, KeysError, PortError, PostgresError, ProjectError, RunningError, SampleError, StartError,
)  # fmt: skip

READY_SECONDS: Final = 60
SAMPLE_SECONDS: Final = 120


def main() -> int:
    parser = argparse.ArgumentParser(prog="ops/run", description="Runs Sooner on this machine until Ctrl-C.")
    parser.add_argument(
        "--check", action="store_true", help="end after the sample job; exit 0 if it went well"
    )
    arguments = parser.parse_args()
    try:
        with exclusive():
            return asyncio.run(until_signalled(check=arguments.check))
    except FAILURES as error:
        say(str(error))
        return 1
    except SettingsError as error:
        say(str(error))
        return EX_CONFIG


async def until_signalled(*, check: bool) -> int:
    """Runs until the check is done or a signal asks for the end; a second signal asks for it at once."""
    running = asyncio.create_task(run(check=check))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return 1 if check else 0
    return 0


async def run(*, check: bool) -> None:
    """Brings everything up, serves, and takes everything down again."""
    port = choose_port()
    async with database() as database_url:
        commands = read_procfile(ROOT / "Procfile")
        await release(commands["release"], database_url)
        credentials = Credentials(DATA / "credentials.json")
        environments = await process_environments(database_url, credentials, port)
        services = [SupervisedProcess(name, commands[name], environments[name]) for name in PROCESSES]
        async with kept_running(services) as keepers:
            await first_of(serve(port, credentials, environments["web"], check=check), keepers)


@contextlib.asynccontextmanager
async def database() -> AsyncIterator[str]:
    """DATABASE_URL, or the address of an embedded PostgreSQL with its data under `.data/`, started for this run."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    cluster = Cluster(DATA / "postgres", environment=MARK)
    await asyncio.to_thread(cluster.start)
    say(f"PostgreSQL on port {cluster.port}, data in {cluster.data}")
    keeper = asyncio.create_task(keep_started(cluster))
    try:
        await asyncio.to_thread(cluster.create, "sooner")
        yield cluster.url("sooner")
    finally:
        keeper.cancel()
        await asyncio.to_thread(cluster.stop)


async def keep_started(cluster: Cluster) -> None:
    """Starts PostgreSQL again, on the same port, whenever it ends."""
    while True:
        await asyncio.to_thread(cluster.wait)
        say("PostgreSQL ended, starting it again")
        await asyncio.to_thread(cluster.start)


async def release(command: str, database_url: str) -> None:
    """Runs the Procfile's release line, as a platform does before it starts the processes.

    Raises:
        StartError: it failed.
    """
    code = await SupervisedProcess("release", command, common_environment(database_url)).run()
    if code:
        raise StartError(f"`{command}` failed with exit code {code}")


@contextlib.asynccontextmanager
async def kept_running(services: Sequence[SupervisedProcess]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Runs the services and ends them all together; a task ends if its service cannot be kept running."""
    keepers = [asyncio.create_task(service.keep_running()) for service in services]
    try:
        yield keepers
    finally:
        say("stopping")
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        await asyncio.gather(*(service.end(GRACE_SECONDS) for service in services))


async def first_of(work: Coroutine[None, None, None], keepers: Sequence[asyncio.Task[None]]) -> None:
    """Waits for the work, or raises what a keeper failed with meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task, *keepers], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        await asyncio.wait([task])
    for ended in done:
        await ended


async def serve(port: int, credentials: Credentials, environment: dict[str, str], *, check: bool) -> None:
    """Shows the way in, runs the sample job and, unless this is a check, stays.

    Raises:
        SampleError: the sample job failed, and this is a check.
        StartError: the web process did not become ready.
    """
    address = base_url(port)
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        await ready(client)
        key = await credentials.api_key(client, environment)
        client.headers["Authorization"] = f"Bearer {key}"
        say(f"page: {await page_link(client, address)}")
        say(f"key:  {key} (dashboard: {address}/dashboard)")
        await show_sample(client, check=check)
    if not check:
        say("running until Ctrl-C")
        await asyncio.get_running_loop().create_future()


async def show_sample(client: httpx.AsyncClient, *, check: bool) -> None:
    """Submits the project's sample job, if it has one, and prints its answer.

    Raises:
        SampleError: it failed, and this is a check.
    """
    wanted = sample()
    if wanted is None:
        return
    try:
        async with asyncio.timeout(SAMPLE_SECONDS):
            say(f"{wanted.actor}: {await run_sample(client, wanted, ROOT)}")
    except (SampleError, httpx.HTTPError, TimeoutError) as error:
        problem = f"the sample job failed: {str(error) or type(error).__name__}"
        if check:
            raise SampleError(problem) from error
        say(problem)


async def page_link(client: httpx.AsyncClient, address: str) -> str:
    """The page's address with a day's token in its fragment, which no browser sends: whoever opens it needs no key."""
    response = await client.post("/tokens", json={"expires_in": 86400})
    return f"{address}/#token={response.raise_for_status().json()['token']}"


async def ready(client: httpx.AsyncClient) -> None:
    """Waits until `/readyz` answers 200.

    Raises:
        StartError: it did not within a minute.
    """
    answer = "no answer"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    response = await client.get("/readyz")
                    if response.status_code == httpx.codes.OK:
                        return
                    answer = f"{response.status_code} {response.text}"
                await asyncio.sleep(0.1)
    raise StartError(f"web is not ready after {READY_SECONDS} s; /readyz: {answer}")


if __name__ == "__main__":
    sys.exit(main())
