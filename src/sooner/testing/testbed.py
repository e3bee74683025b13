"""The service of one test."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any, Self, Unpack

import asyncpg
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
        connection: asyncpg.Connection,
        worker: LoopWorker,
        client: httpx.AsyncClient,
        operator: httpx.AsyncClient,
    ) -> None:
        self.database_url = database_url
        self.client = client
        self.operator = operator
        self._connection = connection
        self._worker = worker
        self._moved = timedelta()

    async def run(self, actor: "dramatiq.Actor[Any, Any] | str", /, **params: Any) -> dict[str, Any]:
        """Run a job to its end, and give back its document; time moves over the pauses between its attempts.

        Raises what the actor raised in its last attempt, with its traceback; Invalid for unfit parameters; JobError for a job that
        was cancelled.
        """
        return await self.finish(await self.submit(actor, params))

    async def submit(
        self,
        actor: "dramatiq.Actor[Any, Any] | str",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Handle:
        """Submit a job of the tenant `test`, as `sooner.submit` does; the worker runs it meanwhile."""
        options.setdefault("tenant", TENANT)
        return await submit(actor, params, **options)

    async def finish(self, job: Handle) -> dict[str, Any]:
        """Wait for a job's end, as `run` does."""
        while not (found := await self._read(job)).state.is_final:
            if seconds := await self._connection.fetchval(AHEAD, job.id):
                await self.move(float(seconds))
            await self._worker.news(LOOK_SECONDS)
        if found.state is State.DONE:
            return as_value(found)
        raise self._worker.errors.pop(job.id, None) or JobError(as_value(found))

    async def _read(self, job: Handle) -> Job:
        rows: list[Any] = await self._connection.fetch(READ.jobs.positional, [job.id])
        return Job.read(rows[0])

    async def move(self, time: timedelta | float) -> None:
        """Move the time on, by seconds or a timedelta: postponed jobs become due, old ones expire."""
        self._moved += time if isinstance(time, timedelta) else timedelta(seconds=time)
        await self._connection.execute(moved_clock.statement(self._moved.total_seconds()))
        await self._worker.look_again()

    async def idle(self) -> None:
        """Wait until no job is due and none runs."""
        while await self._connection.fetchval(BUSY):  # noqa: ASYNC110 - a table tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    def override(self, make: Callable[..., Any], instead: Callable[..., Any]) -> None:
        """Let another maker make a dependency, from before its first use on."""
        self._worker.runtime.dependencies.override(make, instead)


@asynccontextmanager
async def testbed(database_url: str, broker: Any) -> AsyncIterator[Testbed]:
    """The service on a database, until the test's end."""
    public, private = pair()
    web = WebSettings(
        database_url=database_url,
        link_signing_key=(secrets.token_hex(),),
        secrets_public_key=public,
        diagnostics=True,
    )
    async with AsyncExitStack() as stack:
        worker = LoopWorker(
            WorkerSettings(database_url=database_url, secrets_private_key=(private,), diagnostics=True),
            broker.actors,
        )
        await worker.start()
        stack.push_async_callback(worker.stop)
        connection = await asyncpg.connect(database_url)
        stack.push_async_callback(connection.close)
        if isinstance(broker, Broker):
            broker.open(database_url, retention=web.job_retention_days * 86400)
            stack.callback(_close, broker)
        served = await stack.enter_async_context(Served.on(Resources.make(web, broker.actors, {})))
        clients = [await stack.enter_async_context(served.client(scope)) for scope in ("jobs", "admin")]
        yield Testbed(database_url, connection, worker, *clients)


class Served(httpx.AsyncBaseTransport):
    """The web process of a test; it opens at its first request, for most tests send none."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._transport = httpx.ASGITransport(application(resources))
        self._opening = asyncio.Lock()
        self._keys: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def on(cls, resources: Resources) -> AsyncIterator[Self]:
        """A web process on these resources."""
        served = cls(resources)
        try:
            yield served
        finally:
            if served._keys:
                await resources.close()

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
            if not self._keys:
                await self._resources.open()
                for scope in ("jobs", "admin"):
                    self._keys[scope] = await self._resources.keys.create(TENANT, "test", [scope], None)
        scope = request.headers.pop("X-Scope")
        request.headers.setdefault("Authorization", f"Bearer {self._keys[scope]}")
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Nothing: both clients share the transport."""


def _close(broker: Broker) -> None:
    broker.pool.closeall()
    broker.pool = NOT_OPEN
