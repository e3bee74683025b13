"""A program's way to the jobs, without HTTP."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Self, TypedDict, Unpack
from uuid import UUID

import asyncpg
import dramatiq

from sooner.db import Group, Link, Queries, Query
from sooner.db.retry import or_again, unavailable
from sooner.jobs.calling.call import (
    Call,
    Ready,
    declared,
    enqueue_values,
    ready,
    submit_values,
)
from sooner.jobs.calling.handle import Handle
from sooner.jobs.calling.program_follower import ProgramFollower
from sooner.jobs.calling.transaction import connection_under
from sooner.jobs.context import origin
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.secrets.seal import Sealer
from sooner.process.settings import address
from sooner.queue.batch import NewJob, text_length
from sooner.queue.broker import Origin
from sooner.queue.enqueue import Enqueuer
from sooner.queue.ids import uuid7

SQL = Queries("sooner.jobs.calling", "sql/calling.sql")

#: The default of `tenant`, as None means no tenant.
INHERITED: Final[Any] = object()

#: The refusals of the schema's functions, by their errors.
REFUSED = (
    asyncpg.UniqueViolationError,
    asyncpg.InvalidParameterValueError,
    asyncpg.NullValueNotAllowedError,
    asyncpg.FeatureNotSupportedError,
)


class JobOptions(TypedDict, total=False):
    """The options of one job.

    priority: high, normal or low; by default the actor's. run_at (a time with its zone) or delay (seconds): the earliest start.
    cancel_after: the seconds after which the job is cancelled unless it is final. idempotency_key: the same key, tenant and
    actor make one job a day.
    """

    priority: str | None
    run_at: datetime | None
    delay: float | None
    cancel_after: float | None
    idempotency_key: str | None


class CallOptions(JobOptions, total=False):
    """The options of a call.

    tenant: the jobs' tenant; by default the running job's. connection: the jobs exist if and only if its transaction commits; asyncpg's,
    or SQLAlchemy's or `databases`' on asyncpg. detached: the running job is not the jobs' parent.
    """

    tenant: str | None
    connection: Any
    detached: bool


OPTIONS = frozenset(JobOptions.__annotations__)


class Sooner:
    """Submits, follows and cancels jobs over connections of its own, which open at their first use.

    It belongs to one event loop; close it, or use it in an `async with`. Set `listen=False` behind a transaction-mode pooler.
    It checks the parameters and seals the secrets of actors that this program declares; workers check the parameters of other
    actors.
    """

    def __init__(
        self,
        database_url: str,
        *,
        listen: bool = True,
        retention_days: float = 7,
        secrets_public_key: str | None = None,
    ) -> None:
        url = address.checked(database_url)
        self._retention = retention_days * 86400
        self._link = Link(url, "submit", direct=listen)
        self._enqueuer = Enqueuer(self._link)
        self._single: Group[NewJob, UUID] = Group(self._enqueue_singles, length=text_length, at_once=True)
        self._named: Group[tuple[UUID, Call], UUID] = Group(self._submit_singles, at_once=True)
        self._sealer = Sealer(secrets_public_key)
        self._follower = ProgramFollower(url, listen=listen, retention=self._retention)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._follower.close()
        await self._link.close()

    def handle(self, id: UUID | str) -> Handle:
        """The job with this id. Raises ValueError for a text that is no id."""
        return Handle(id if isinstance(id, UUID) else UUID(id), self._follower)

    async def submit(
        self,
        actor: "dramatiq.Actor[Any, Any] | str",
        params: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Handle:
        """Enqueue a job of an actor, or of its name, in one round trip: see `CallOptions`.

        In a job's code, the new job inherits tenant, request id and trace, and the running job is its parent. Where another job
        holds its idempotency key or unique key, the handle is that job's.

        Raises Invalid for unfit parameters or options, Unavailable when the database is away or the tenant is being moved to another.
        """
        inherited, connection = _inherited(options)
        call = _call((actor, params), inherited, options)
        return self.handle(await self._add_one(call, connection))

    async def submit_all(self, jobs: Iterable[Any], **options: Unpack[CallOptions]) -> list[Handle]:
        """Enqueue many jobs in one round trip, all of them or none: each `(actor, params)`, or `(actor, params, {"delay": 60, …})`.

        `options` apply to all of them: see `CallOptions`.
        """
        inherited, connection = _inherited(options)
        calls = [_call(each, inherited, options) for each in jobs]
        if len(calls) == 1:
            return [self.handle(await self._add_one(calls[0], connection))]
        return [self.handle(id) for id in await self._add(calls, connection)] if calls else []

    async def _add_one(self, call: Call, connection: Any) -> UUID:
        """Enqueue a call, on a way as short as it can be; the result is its job's id. Single jobs that come at the same time share a statement."""
        if isinstance(call.actor, str):
            asked = uuid7(), call
            return await (self._named(asked) if connection is None else self._submit_one(*asked, connection))
        row, limit = ready(call, self._sealer, retention=self._retention)
        if connection is not None:
            return await self._enqueue_one(row, connection)
        if limit is None or _has_key(row):
            return await self._single(row)
        await self._enqueuer.limits([limit])
        await self._enqueuer.enqueue(row)
        return row.message_id

    async def _add(self, calls: Sequence[Call], connection: Any) -> list[UUID]:
        """Enqueue the calls; the result is the ids of their jobs, in the same order."""
        known = [number for number, call in enumerate(calls) if not isinstance(call.actor, str)]
        named = [number for number, call in enumerate(calls) if isinstance(call.actor, str)]
        if known and named and connection is None:
            # The transaction holds both statements together: all jobs are added, or none.
            return await self._link.run_whole(lambda own: self._add(calls, own))
        jobs = [ready(calls[number], self._sealer, retention=self._retention) for number in known]
        asked = [(uuid7(), calls[number]) for number in named]
        ids = dict(zip(known, await self._enqueue(jobs, connection), strict=True)) if jobs else {}
        ids |= dict(zip(named, await self._submit_each(asked, connection), strict=True)) if asked else {}
        return [ids[number] for number in range(len(calls))]

    async def _enqueue(self, jobs: Sequence[Ready], connection: Any) -> list[UUID]:
        """Enqueue jobs of declared actors."""
        rows = [each.job for each in jobs]
        if connection is not None or any(map(_has_key, rows)):
            return await self._enqueue_each(rows, connection)
        if limits := {each.limit.key: each.limit for each in jobs if each.limit is not None}:
            await self._enqueuer.limits(list(limits.values()))
        await self._enqueuer.enqueue_all(rows)
        return [row.message_id for row in rows]

    async def _enqueue_singles(self, rows: Sequence[NewJob]) -> Sequence[UUID | BaseException]:
        if len(rows) == 1:
            return [await self._enqueue_one(rows[0])]
        if any(map(_has_key, rows)):
            return await self._enqueue_each(rows)
        outcomes = await self._enqueuer.insert(rows)
        return [
            outcome if isinstance(outcome, BaseException) else row.message_id
            for row, outcome in zip(rows, outcomes, strict=True)
        ]

    async def _enqueue_one(self, row: NewJob, connection: Any = None) -> UUID:
        values = enqueue_values(row)
        values["retention"] = self._retention
        [found] = await self._run(SQL.enqueue_one, values, connection)
        return row.message_id if found["id"] == values["id"] else UUID(found["id"])

    async def _enqueue_each(self, rows: Sequence[NewJob], connection: Any = None) -> list[UUID]:
        # Programs that take keys in the same order cannot deadlock.
        order = sorted(range(len(rows)), key=lambda number: _key(rows[number]))
        values = _columns([enqueue_values(rows[number]) for number in order])
        values["retention"] = self._retention
        ids = [UUID(row["id"]) for row in await self._run(SQL.enqueue_each, values, connection)]
        return [id for _, id in sorted(zip(order, ids, strict=True))]

    async def _submit_singles(self, asked: Sequence[tuple[UUID, Call]]) -> Sequence[UUID]:
        return [await self._submit_one(*asked[0])] if len(asked) == 1 else await self._submit_each(asked)

    async def _submit_one(self, id: UUID, call: Call, connection: Any = None) -> UUID:
        [found] = await self._run(SQL.submit_one, submit_values(id, call), connection)
        return UUID(found["id"])

    async def _submit_each(self, asked: Sequence[tuple[UUID, Call]], connection: Any = None) -> list[UUID]:
        """Submit jobs of actors that only workers know."""
        values = _columns([submit_values(*each) for each in asked])
        return [UUID(row["id"]) for row in await self._run(SQL.submit_each, values, connection)]

    async def _run(
        self, query: Query, values: dict[str, Any], connection: Any
    ) -> Sequence[Mapping[str, Any]]:
        try:
            return await self._fetch(query, values, connection)
        except REFUSED as error:
            hint = f" {error.hint}" if error.hint else ""
            raise Invalid([wrong("#", f"{error.message}{hint}")]) from None
        except asyncpg.ObjectInUseError as error:
            # On the caller's own connection.
            raise unavailable(error) from None

    async def _fetch(
        self, query: Query, values: dict[str, Any], connection: Any
    ) -> Sequence[Mapping[str, Any]]:
        values["is_new"] = True
        if connection is not None:
            under = await connection_under(connection)
            rows: Sequence[Mapping[str, Any]] = await under.fetch(query.positional, *query.arguments(values))
            return rows
        # The ids are made here, so a second try after a lost answer adds no job twice.
        return await or_again(
            self._link.fetch(query, **values),
            lambda: self._link.fetch(query, **{**values, "is_new": False}),
        )


def _inherited(options: CallOptions) -> tuple[Origin, Any]:
    """What the calls inherit from the running job, and the caller's connection: both are taken out of the options.

    Raises TypeError for an option that there is not.
    """
    inherited, connection = origin(), options.pop("connection", None)
    if options.pop("detached", False):
        inherited = inherited._replace(parent=None)
    if (tenant := options.pop("tenant", INHERITED)) is not INHERITED:
        inherited = inherited._replace(tenant=tenant or None)
    if unknown := [name for name in options if name not in OPTIONS]:
        raise TypeError(
            f"submit has no option {', '.join(unknown)}: {', '.join(CallOptions.__annotations__)}"
        )
    return inherited, connection


def _call(each: Any, inherited: Origin, common: Mapping[str, Any]) -> Call:
    actor, params, own = _parts(each)
    if unknown := [name for name in own if name not in OPTIONS]:
        raise TypeError(
            f"one of many jobs has no option {', '.join(unknown)} of its own: {', '.join(JobOptions.__annotations__)}"
        )
    options = {**common, **own} if own else common
    call = Call(declared(actor), {} if params is None else params, inherited, **options)
    call.check()
    return call


def _parts(each: Any) -> tuple[Any, Any, Mapping[str, Any]]:
    """A job's actor, parameters and own options. Raises TypeError."""
    match each:
        case (actor, params):
            return actor, params, {}
        case (actor, params, Mapping() as own):
            return actor, params, own
        case _:
            raise TypeError(f"each job is (actor, params) or (actor, params, {{options}}), not {each!r}")


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _key(row: NewJob) -> tuple[str, str]:
    return row.unique_key or "", row.idempotency_key or ""


def _has_key(row: NewJob) -> bool:
    return row.unique_key is not None or row.idempotency_key is not None
