"""The service of one test."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, Self, Unpack

import dramatiq
import httpx

from sooner.jobs.calling.functions import submit
from sooner.jobs.calling.handle import Handle, JobError
from sooner.jobs.calling.sooner import CallOptions
from sooner.jobs.following.document import as_value
from sooner.jobs.following.follower import SQL as READ
from sooner.jobs.row import Job
from sooner.jobs.secrets.seal import pair
from sooner.jobs.states import State
from sooner.process.settings import WebSettings, WorkerSettings
from sooner.queue.broker import NOT_OPEN, Broker
from sooner.testing import moved_clock
from sooner.testing.kept_database import KeptDatabase
from sooner.testing.loop_worker import LoopWorker
from sooner.web.app import application
from sooner.web.resources import Resources

TENANT = "test"
#: Jobs that are due or run.
BUSY = """
select exists (
  select from dramatiq.queue where state = 'consumed' or (state = 'queued' and coalesce(due_at, dramatiq.clock()) <= dramatiq.clock())
)
"""
#: The seconds until a postponed job is due, and a moment more.
AHEAD = """
select extract(epoch from due_at - dramatiq.clock()) + 0.001 from dramatiq.queue
where message_id = $1 and state = 'queued' and due_at > dramatiq.clock()
"""
LOOK_SECONDS = 0.005
PATIENCE_SECONDS = 60


class Testbed:
    """What a test uses: the fixture `sooner`.

    database_url: the test's own database. client: HTTP with a key of the tenant `test`; operator: the same with scope `admin`.
    """

    __test__ = False

    def __init__(
        self,
        database_url: str,
        worker: LoopWorker,
        client: httpx.AsyncClient,
        operator: httpx.AsyncClient,
    ) -> None:
        self.database_url = database_url
        self.client = client
        self.operator = operator
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._moved = timedelta()

    async def run(self, actor: "dramatiq.Actor[Any, Any] | str", /, **params: Any) -> dict[str, Any]:
        """Run a job to its end, and give back its document; time moves over the pauses between its attempts.

        Raises what the actor raised in its last attempt, with its traceback; Invalid for unfit parameters; JobError for a job that
        was cancelled; LookupError for an actor that nobody declares.
        """
        return await self.finish(await self.submit(actor, params))

    async def submit(
        self,
        actor: "dramatiq.Actor[Any, Any] | str",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Handle:
        """Submit a job of the tenant `test`, as `sooner.submit` does; the worker runs it meanwhile."""
        self._refuse_another_loop()
        options.setdefault("tenant", TENANT)
        return await submit(actor, params, **options)

    async def finish(self, job: Handle) -> dict[str, Any]:
        """Wait for a job's end, as `run` does."""
        while not (found := await self._read(job)).state.is_final:
            self._worker.refuse_unknown(found.actor)
            if seconds := await self._value(AHEAD, job.id):
                await self.move(float(seconds))
            await self._worker.news(LOOK_SECONDS)
        if found.state is State.DONE:
            return as_value(found)
        raise self._worker.errors.pop(job.id, None) or JobError(as_value(found))

    async def _read(self, job: Handle) -> Job:
        rows = await self._worker.link.fetch(READ.jobs, ids=[job.id])
        return Job.read(rows[0])

    async def move(self, time: timedelta | float) -> None:
        """Move the time on, by seconds or a timedelta: postponed jobs become due, old ones expire."""
        self._refuse_another_loop()
        self._moved += time if isinstance(time, timedelta) else timedelta(seconds=time)
        await self._value(moved_clock.statement(self._moved.total_seconds()))
        await self._worker.look_again()

    async def idle(self) -> None:
        """Wait until no job is due and none runs."""
        while await self._value(BUSY):  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    def _refuse_another_loop(self) -> None:
        """Raises RuntimeError where the test runs on another event loop than its fixtures."""
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(
                "the fixture `sooner` is on another event loop than this test: give `asyncio_default_fixture_loop_scope` the "
                "loop scope of the tests, in pytest's settings"
            )

    async def _value(self, statement: str, *values: Any) -> Any:
        async def fetch(connection: Any) -> Any:
            return await connection.fetchval(statement, *values)

        return await self._worker.link.run(fetch)

    def override(self, make: Callable[..., Any], instead: Callable[..., Any]) -> None:
        """Let another maker make a dependency, from before its first use on."""
        self._worker.runtime.dependencies.override(make, instead)


@asynccontextmanager
async def testbed(database: KeptDatabase, broker: Any) -> AsyncIterator[Testbed]:
    """The service on a database, until the test's end."""
    web, worker_settings = _settings(database.url)
    async with AsyncExitStack() as stack:
        worker = LoopWorker(worker_settings, broker.actors, database)
        await worker.start()
        stack.push_async_callback(worker.stop)
        if isinstance(broker, Broker):
            broker.open(database.url, retention=web.job_retention_days * 86400, direct=web.listen)
            stack.callback(_close, broker)
        served = await stack.enter_async_context(Served.on(lambda: Resources(web, broker.actors, {})))
        clients = [await stack.enter_async_context(served.client(scope)) for scope in ("jobs", "admin")]
        yield Testbed(database.url, worker, *clients)


def _settings(database_url: str) -> tuple[WebSettings, WorkerSettings]:
    """The settings of the processes: the environment's, on a test's database."""
    # pytest writes into the environment which test runs.
    web, worker = _read(tuple(item for item in os.environ.items() if not item[0].startswith("PYTEST_")))
    on = {"database_url": database_url}
    return web.model_copy(update=on), worker.model_copy(update=on)


@lru_cache(maxsize=1)
def _read(environment: tuple[tuple[str, str], ...]) -> tuple[WebSettings, WorkerSettings]:
    """As an environment has them: reading takes 10 ms, and most tests change nothing."""
    public, private = pair()
    any_database = "postgresql://localhost/test"
    web = WebSettings(
        database_url=any_database,
        link_signing_key=(secrets.token_hex(),),
        secrets_public_key=public,
        diagnostics=True,
    )
    return web, WorkerSettings(database_url=any_database, secrets_private_key=(private,), diagnostics=True)


class Served(httpx.AsyncBaseTransport):
    """The web process of a test; it opens at its first request, for most tests send none."""

    def __init__(self, make: Callable[[], Resources]) -> None:
        self._make = make
        self._opening = asyncio.Lock()
        self._resources: Resources | None = None
        self._transport: httpx.ASGITransport
        self._keys: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def on(cls, make: Callable[[], Resources]) -> AsyncIterator[Self]:
        """A web process on the resources that it makes."""
        served = cls(make)
        try:
            yield served
        finally:
            if served._resources is not None:
                await served._resources.close()

    def client(self, scope: str) -> httpx.AsyncClient:
        """A client with a key of the tenant `test` for a scope."""
        return httpx.AsyncClient(
            transport=self,
            base_url="http://sooner.test",
            headers={"X-Scope": scope},
            timeout=PATIENCE_SECONDS,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, with the key of its client's scope where it brings no key of its own."""
        async with self._opening:
            if self._resources is None:
                await self._open()
        scope = request.headers.pop("X-Scope")
        request.headers.setdefault("Authorization", f"Bearer {self._keys[scope]}")
        return await self._transport.handle_async_request(request)

    async def _open(self) -> None:
        resources = self._make()
        await resources.open()
        self._resources = resources
        self._transport = httpx.ASGITransport(application(resources))
        for scope in ("jobs", "admin"):
            self._keys[scope] = await resources.home.keys.create(TENANT, "test", [scope], None)

    async def aclose(self) -> None:
        """Nothing: both clients share the transport."""


def _close(broker: Broker) -> None:
    broker.pool.closeall()
    broker.pool = NOT_OPEN
