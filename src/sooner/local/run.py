"""`./ops/run`: the whole service on one machine, until Ctrl-C.

python -m sooner.local.run [--check] [--no-reload]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from sooner.local import run_environment
from sooner.local.console import say
from sooner.local.credentials import Credentials, KeysError
from sooner.local.environments import (
    DotenvError,
    PortError,
    base_url,
    choose_port,
    common_environment,
    process_environments,
    read_dotenv,
)
from sooner.local.exclusive import MARK, RunningError, exclusive
from sooner.local.formation import Formation
from sooner.local.postgres import Cluster, PostgresError
from sooner.local.procfile import read_procfile
from sooner.local.project import DATA, ROOT, ProjectError, sample
from sooner.local.sample import SampleError, run_sample
from sooner.local.supervised_process import EX_CONFIG, SettingsError, SupervisedProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping


class StartError(Exception):
    """The service did not come up; the message says what failed."""


FAILURES: Final = (
    DotenvError, httpx.HTTPError, KeysError, PortError, PostgresError, ProjectError, RunningError, SampleError, StartError,
)  # fmt: skip

READY_SECONDS: Final = 60
SAMPLE_SECONDS: Final = 120


def main() -> int:
    parser = argparse.ArgumentParser(prog="ops/run", description="Runs Sooner on this machine until Ctrl-C.")
    parser.add_argument(
        "--check", action="store_true", help="end after the sample job; exit 0 if it went well"
    )
    parser.add_argument(
        "--no-reload",
        dest="reload",
        action="store_false",
        help="keep what runs when a file under src/ changes",
    )
    arguments = parser.parse_args()
    try:
        read_dotenv(ROOT / ".env")
        with exclusive():
            return asyncio.run(until_signalled(check=arguments.check, reload=arguments.reload))
    except FAILURES as error:
        say(str(error))
        return 1
    except SettingsError as error:
        say(str(error))
        return EX_CONFIG


async def until_signalled(*, check: bool, reload: bool) -> int:
    """Runs until the check is done or a signal asks for the end; a second signal asks for it at once."""
    running = asyncio.create_task(run(check=check, reload=reload and not check))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        return 1 if check else 0
    return 0


async def run(*, check: bool, reload: bool) -> None:
    """Brings everything up, serves, and takes everything down again."""
    port = choose_port()
    async with database() as database_url:
        say(f"DATABASE_URL={database_url}")
        commands = read_procfile(ROOT / "Procfile")
        await release(commands["release"], database_url)
        credentials = Credentials(DATA / "credentials.json")
        environments = await process_environments(database_url, credentials, port)
        run_environment.write(environments["web"], SOONER_URL=base_url(port))
        async with kept_running(commands, environments) as formation:
            work = serve(port, credentials, environments["web"], formation, check=check, reload=reload)
            await first_of(
                work, loaded(formation), formation.failure(), *([formation.watch()] if reload else [])
            )


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
async def kept_running(
    commands: Mapping[str, str], environments: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[Formation]:
    """Runs web, worker and scheduler, and ends them all together."""
    with tempfile.TemporaryDirectory(prefix="sooner-") as folder:
        formation = Formation(commands, environments, Path(folder))
        try:
            await formation.start()
            yield formation
        finally:
            say("stopping")
            await formation.stop()


async def loaded(formation: Formation) -> None:
    """Goes on for ever, unless the team's modules cannot be loaded.

    Raises:
        StartError: they cannot.
    """
    error = await formation.load_error()
    if error is not None:
        raise StartError(f"a module cannot be loaded\n{error}")
    await asyncio.get_running_loop().create_future()


async def first_of(*works: Coroutine[None, None, None]) -> None:
    """Waits for the first that ends, ends the others, and raises what it failed with."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for ended in done:
        await ended


async def serve(
    port: int,
    credentials: Credentials,
    environment: dict[str, str],
    formation: Formation,
    *,
    check: bool,
    reload: bool,
) -> None:
    """Prints the address and the key, runs the sample job and, unless this is a check, stays.

    Raises:
        SampleError: the sample job failed, and this is a check.
        StartError: the web process did not become ready.
    """
    address = base_url(port)
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        await ready(client)
        key = await credentials.api_key(client, environment)
        client.headers["Authorization"] = f"Bearer {key}"
        run_environment.write(environment, SOONER_URL=address, SOONER_KEY=key)
        say(f"page: {await page_link(client, address)}")
        say(f"key:  {key} (dashboard: {address}/dashboard)")
        await show_sample(client, check=check)
    if reload:
        await formation.prepare()
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
    """The page's address with a day's token in its fragment, which browsers do not send: its reader needs no key."""
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
