"""Fixtures of the whole suite: real PostgreSQL, real processes, real HTTP."""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
from nacl.public import PrivateKey

from sooner.local.postgres import temporary_cluster
from tests.support import bouncer, roles
from tests.support.databases import Databases, migrate
from tests.support.keys import create_key
from tests.support.processes import Process, Processes, Web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator, Sequence

    from sooner.local.postgres import Cluster

pytest_plugins = ("tests.support.bounded", "tests.support.said", "tests.support.shards")

# What is lost in a power cut is not what most tests are about; those that are start their own cluster.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "max_prepared_transactions": "10",
}


class MakeKey(Protocol):
    """See `create_key`; the database is the test's own."""

    async def __call__(
        self, tenant: str = "acme", *, scopes: Sequence[str] = ("jobs",), expires: str | None = None
    ) -> str: ...


class Connect(Protocol):
    """Makes an HTTP client of a web process, with a key if there is one."""

    def __call__(self, web: Web, key: str | None = None, **options: Any) -> httpx.AsyncClient: ...


@dataclass(frozen=True)
class Service:
    """One web and one worker process, and a client with a key of tenant `acme` (scope `jobs`)."""

    web: Web
    worker: Process
    client: httpx.AsyncClient
    key: str
    database_url: str


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL server's address: TEST_DATABASE_URL, or an embedded one for this run."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with temporary_cluster(FAST) as cluster:
        yield cluster.url()


@pytest.fixture(scope="session")
def pooler(server_url: str) -> Iterator[bouncer.Bouncer | None]:
    """What stands between every process and the run's server, if anything does."""
    if not bouncer.WANTED:
        yield None
        return
    with bouncer.bouncer(server_url) as running:
        yield running


@pytest.fixture(scope="session")
def databases(server_url: str) -> Iterator[Databases]:
    """Makes databases on the run's server."""
    databases = Databases(server_url)
    yield databases
    databases.close()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The test's own database, at the newest revision."""
    name = databases.migrated()
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """The test's own database, with nothing in it."""
    name = databases.empty()
    yield databases.url(name)
    databases.drop(name)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for this test alone, to stop and start; fsync is on. See `cluster_url`."""
    with temporary_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster_url(cluster: Cluster) -> str:
    """A migrated database on `cluster`."""
    cluster.create("sooner")
    url = cluster.url("sooner")
    migrate(url)
    roles.grant(url)
    return url


@pytest.fixture(scope="session")
def secret_keys() -> dict[str, str]:
    """A pair for secret parameters, as the two settings hold it."""
    private = PrivateKey.generate()
    return {
        "SECRETS_PUBLIC_KEY": base64.b64encode(bytes(private.public_key)).decode(),
        "SECRETS_PRIVATE_KEY": base64.b64encode(bytes(private)).decode(),
    }


@pytest.fixture
def settings(database_url: str, secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """Each process type's environment; override it in a module to run against something else."""
    return process_settings(database_url, secret_keys)


def process_settings(database_url: str, secret_keys: dict[str, str]) -> dict[str, dict[str, str | None]]:
    """What web, worker and scheduler are started with: only what each of them may have."""
    common = {"DATABASE_URL": database_url}
    return {
        "web": {
            **common,
            "LINK_SIGNING_KEY": "a key of the test suite that is long enough for links",
            "SECRETS_PUBLIC_KEY": secret_keys["SECRETS_PUBLIC_KEY"],
            "DIAGNOSTICS": "1",
        },
        "worker": {**common, "SECRETS_PRIVATE_KEY": secret_keys["SECRETS_PRIVATE_KEY"], "DIAGNOSTICS": "1"},
        "scheduler": {**common},
    }


@pytest.fixture
def processes(
    settings: dict[str, dict[str, str | None]], tmp_path: Path, pooler: bouncer.Bouncer | None
) -> Iterator[Processes]:
    """Starts web, worker and scheduler as the Procfile names them; whatever runs at the end is killed."""
    processes = Processes(settings, tmp_path, pooler=pooler)
    yield processes
    processes.end()
    refused = [line for process in processes.started for line in process.lines if "permission denied" in line]
    assert refused == [], "a process lacks a right (ops/postgres/roles.sql)"


@pytest.fixture
def api_key(settings: dict[str, dict[str, str | None]]) -> MakeKey:
    """Makes keys that hold in the test's own database, see `MakeKey`."""

    async def make(
        tenant: str = "acme", *, scopes: Sequence[str] = ("jobs",), expires: str | None = None
    ) -> str:
        return await create_key(str(settings["web"]["DATABASE_URL"]), tenant, scopes=scopes, expires=expires)

    return make


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients of a web process, see `Connect`; they are closed with the test."""
    async with contextlib.AsyncExitStack() as stack:

        def make(web: Web, key: str | None = None, **options: Any) -> httpx.AsyncClient:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            # Longer than any wait of the contract: a test that hangs shall say where.
            client = httpx.AsyncClient(
                base_url=web.url, headers=headers, timeout=60, trust_env=False, **options
            )
            stack.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
async def service(
    processes: Processes, api_key: MakeKey, connect: Connect, settings: dict[str, dict[str, str | None]]
) -> Service:
    """Web, worker and a client, ready."""
    web = await processes.web()
    worker = await processes.worker()
    key = await api_key()
    return Service(web, worker, connect(web, key), key, str(settings["web"]["DATABASE_URL"]))


@pytest.fixture
def client(service: Service) -> httpx.AsyncClient:
    """`service`'s client: tenant `acme`, scope `jobs`."""
    return service.client


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, where a pooler is wanted, what starts nothing behind it, and what needs connections of its own."""
    if not bouncer.WANTED:
        return
    behind = [item for item in items if _is_behind_pooler(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in behind])
    items[:] = behind


def _is_behind_pooler(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return "pooler" in fixtures and item.get_closest_marker("direct") is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts what the processes printed beside a failure."""
    report = yield
    processes = getattr(item, "funcargs", {}).get("processes")
    if report.failed and isinstance(processes, Processes):
        for process in processes.started:
            report.sections.append((f"output of {process.name}", "\n".join(process.lines[-200:])))
    return report
