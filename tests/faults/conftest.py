"""Fixtures of fault runs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from sooner.local.postgres import Cluster
from tests.conftest import process_settings
from tests.faults.judge import Verdict, judge, watch_final
from tests.faults.load import Load
from tests.faults.workers import Workers
from tests.support.keys import create_key
from tests.support.said import SAID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.processes import Processes, Web

#: Longer than a busy machine keeps a heartbeat waiting, and short enough to wait for.
LEASE_SECONDS = 4


class Say(Protocol):
    """Puts a line about this run under the test run's output."""

    def __call__(self, line: object) -> None: ...


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Say:
    """See `Say`."""
    name = request.node.name.removeprefix("test_").replace("_", " ")
    return lambda line: request.node.user_properties.append((SAID, f"{name}: {line}"))


@dataclass
class Scene:
    """A service under faults: `url` is the database's address that no fault is in front of."""

    url: str
    processes: Processes
    effects: Path
    say: Say

    @contextlib.asynccontextmanager
    async def run(self, *, workers: int = 2, clients: int = 8, padding: int = 0) -> AsyncIterator[Run]:
        """Web, workers and a load; the faults are for the caller to make inside."""
        await watch_final(self.url)
        web = await self.processes.web(module="tests.faults.web")
        key = await create_key(self.url)
        async with Workers(self.processes, self.url, workers) as kept:
            async with Load(web.url, key, clients=clients, padding=padding) as load:
                run = Run(web, load, kept)
                await load.more(20)
                yield run
            run.verdict = await judge(self.url, load.accepted, self.effects)
        run.verdict.odd += load.wrong
        run.verdict.refused = load.refusals.total()
        run.verdict.killed, run.verdict.held = kept.killed, kept.held
        self.say(run.verdict)


@dataclass
class Run:
    """One run, and after it what came of it."""

    web: Web
    load: Load
    workers: Workers
    verdict: Verdict = None  # type: ignore[assignment]  # it comes with the run's end

    async def freeze_workers(self) -> None:
        """Three workers stand still for longer than their lease, one after another."""
        for _ in range(3):
            await self.workers.freeze_one(2 * LEASE_SECONDS)
            await self.load.more(20)


@pytest.fixture
def address(database_url: str) -> str:
    """The database that a fault test's processes are given; override it to put something between."""
    return database_url


@pytest.fixture
def settings(address: str, secret_keys: dict[str, str], effects: Path) -> dict[str, dict[str, str | None]]:
    """Short leases, and a place for effects."""
    settings = process_settings(address, secret_keys)
    more = {"LEASE_SECONDS": str(LEASE_SECONDS), "EFFECTS": str(effects)}
    return {name: {**values, **more} for name, values in settings.items()}


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    """The file of effects."""
    return tmp_path / "effects"


@pytest.fixture
def scene(database_url: str, processes: Processes, effects: Path, say: Say) -> Scene:
    """A service on the run's server."""
    return Scene(database_url, processes, effects, say)


@pytest.fixture
def own_scene(cluster_url: str, processes: Processes, effects: Path, say: Say) -> Scene:
    """A service on a server of its own; the module's `address` has to lead there."""
    return Scene(cluster_url, processes, effects, say)


@pytest.fixture
def standby(cluster: Cluster) -> Iterator[Cluster]:
    """A standby that has all that `cluster` says it has committed."""
    folder = Path(tempfile.mkdtemp(prefix="sooner-standby-"))
    folder.chmod(0o755)
    standby = Cluster(folder / "cluster")
    try:
        shutil.copy2(cluster.home / "password", standby.home / "password")
        standby._call(
            "pg_basebackup",
            "--dbname",
            cluster.url(),
            "--pgdata",
            str(standby.data),
            "-R",
            "--checkpoint=fast",
        )
        standby.start()
        yield standby
    finally:
        standby.stop(immediate=True)
        shutil.rmtree(standby.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
