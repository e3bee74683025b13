"""Declaring an actor: everything else follows from its signature and docstring."""

import hashlib
import inspect
import math
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, TypedDict, Unpack, cast, overload
from uuid import UUID

import dramatiq
import tenacity
from pydantic import BaseModel, ValidationError
from tenacity.wait import wait_base

from sooner.jobs import codec, dependencies
from sooner.jobs.codec import escape
from sooner.jobs.declaring.limit import Limit, Rate
from sooner.jobs.declaring.limit import row as limit_row
from sooner.jobs.declaring.option_checks import OnDisconnect, refuse_unfit
from sooner.jobs.declaring.options import check_options
from sooner.jobs.declaring.signature import (
    Function,
    Unfit,
    check_check,
    check_function,
    hints_of,
    parameters_model,
    result_of,
    schema_of,
    wanted_by,
)
from sooner.jobs.declaring.values import Values, named, text
from sooner.jobs.failure import storable
from sooner.jobs.files.uploads import names_upload
from sooner.jobs.output.emit import collect
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.secrets.secret import MARK, Path, find, places, takes_secrets
from sooner.jobs.states import PRIORITIES
from sooner.queue.enqueue import LimitRow
from sooner.queue.ids import uuid7
from sooner.queue.lane import Lane, check_queue

Priority = Literal["high", "normal", "low"]


class Options(TypedDict, total=False):
    """The options of an actor's declaration, beside its priority.

    queue: a name of at most 30 bytes that does not end in .threads, .limited or .last, which are parts of a queue.
    retries: how many further attempts follow an exception; none by default.
    wait: a tenacity wait strategy for the seconds between attempts; by default they double from 1 s to 10 min.
    time_limit: seconds after which an attempt fails.
    on_disconnect: whether the job goes on when the client that waits for it hangs up.
    concurrency: `Limit(4, per="tenant")`: how many jobs run at once, at any number of workers.
    rate: `Rate(10, seconds=60)`: how many jobs begin in a time.
    unique: while a job waits or runs, a second request of its tenant with equal parameters gets the same job;
      a tuple names the parameters that have to be equal, none of them a secret.
    diagnostic: the actor exists with DIAGNOSTICS=1 alone. internal: clients cannot ask for it over HTTP.
    check: a function of the same arguments; it raises Invalid where valid arguments do not go together.
    """

    queue: str
    retries: int
    wait: wait_base
    time_limit: float | None
    on_disconnect: OnDisconnect
    concurrency: Limit | None
    rate: Rate | None
    unique: bool | tuple[str, ...]
    diagnostic: bool
    internal: bool
    check: Callable[..., None] | None


#: Ten years in seconds: a longer pause is a mistake, or beyond PostgreSQL's calendar.
LONGEST_PAUSE = 315_360_000.0
#: The default pause between attempts, in seconds.
DOUBLING = tenacity.wait_exponential(multiplier=1, max=600)


@dataclass(frozen=True)
class Declaration:
    """An actor's `Options`, and its priority as a number. Raises ValueError for an option that cannot hold."""

    priority: int
    queue: str = "default"
    retries: int = 0
    wait: wait_base = DOUBLING
    time_limit: float | None = None
    on_disconnect: OnDisconnect = "continue"
    concurrency: Limit | None = None
    rate: Rate | None = None
    unique: bool | tuple[str, ...] = False
    diagnostic: bool = False
    internal: bool = False
    check: Callable[..., None] | None = None

    def __post_init__(self) -> None:
        check_queue(self.queue)


class Misfit(Invalid):
    """This actor does not take the stored parameters: another version of it may."""


class JobActor(dramatiq.Actor[Any, Any]):
    """A dramatiq actor whose parameters are checked against its signature."""

    declaration: Declaration

    def __init__(self, fn: Function, *, declaration: Declaration, **options: Any) -> None:
        self.declaration = declaration
        self.function = fn
        #: Whether what the function yields is the job's output.
        self.yields = inspect.isasyncgenfunction(fn)
        self.is_async = self.yields or inspect.iscoroutinefunction(fn)
        self.description = storable(inspect.cleandoc(fn.__doc__ or ""))
        hints = hints_of(fn)
        #: The resources that the function takes, by parameter.
        self.dependencies = wanted_by(fn, hints)
        self.parameters = parameters_model(fn, hints, without=self.dependencies)
        #: JSON Schema of the parameters.
        self.schema = schema_of(fn, self.parameters, hints)
        self.result = result_of(fn, hints)
        #: Whether the actor takes any parameters, of any types.
        self._is_open = self._takes_any and not self.parameters.__annotations__
        self._refuse_unknown_names()
        self._refuse_secrets_to_count_by()
        check_check(fn, declaration.check, self.parameters.model_fields)
        super().__init__(fn, **options)

    @property
    def _takes_any(self) -> bool:
        return self.parameters.model_config["extra"] == "allow"

    def _refuse_unknown_names(self) -> None:
        """Raises ValueError for a limit or `unique` by an unknown parameter: all jobs would count as equal."""
        limit, unique = self.declaration.concurrency, self.declaration.unique
        by = {"tenant"} if limit is None or limit.per is None else {limit.per}
        for name in sorted(by - {"tenant"} | (set(unique) if isinstance(unique, tuple) else set())):
            if name not in self.parameters.model_fields and not self._takes_any:
                known = ", ".join(self.parameters.model_fields) or "none"
                raise ValueError(
                    f"{self.function.__qualname__}: there is no parameter {name!r} to count by: its parameters are {known}"
                )

    def _refuse_secrets_to_count_by(self) -> None:
        """Raises ValueError for `unique` by a secret: nothing is stored by which two secrets could be compared, for they could be guessed."""
        fields, unique = self.parameters.model_fields, self.declaration.unique
        secret = {name for name, field in fields.items() if takes_secrets(field.annotation)}
        if not (secret if unique is True else secret.intersection(unique or ())):
            return
        others = [name for name in fields if name not in secret]
        instead = f"unique=({', '.join(map(repr, others))},)" if others else "leave unique out"
        raise ValueError(
            f"{self.function.__qualname__}: unique cannot count by secrets, here {', '.join(sorted(secret))}: {instead}"
        )

    @cached_property
    def lane(self) -> Lane:
        """The lane that the actor's jobs are claimed from."""
        return Lane(self.declaration.queue, is_threaded=not self.is_async, is_limited=self.is_limited)

    @property
    def lanes(self) -> set[Lane]:
        """The lanes in which jobs may wait: the actor's, that of last chances, and the queue's own, where SQL puts jobs."""
        return {self.lane, self.lane.last, Lane(self.lane.queue)}

    @cached_property
    def is_limited(self) -> bool:
        """Whether the actor has a limit of concurrency or rate."""
        return bool(self.declaration.concurrency or self.declaration.rate)

    @property
    def is_counted(self) -> bool:
        """Whether a limit or `unique` counts the actor's jobs together."""
        return self.is_limited or self.declaration.unique is not False

    @property
    def limit_of_each_key(self) -> LimitRow | None:
        """The limit that all keys of the actor have, under the actor's name; None where there is none."""
        most = self.declaration.concurrency and Limit(self.declaration.concurrency.most)
        return limit_row(self.actor_name, most, self.declaration.rate, None, {})

    def limit(self, tenant: str | None, values: Values) -> LimitRow | None:
        """The limit of a job with these parameters; None where there is none."""
        declared = self.declaration
        return limit_row(self.actor_name, declared.concurrency, declared.rate, tenant, named(values))

    def unique_key(self, tenant: str | None, values: Values) -> str | None:
        """The key under which only one job may wait or run; None where the actor is not unique."""
        if (unique := self.declaration.unique) is False:
            return None
        by = named(values) if unique is True else {name: named(values).get(name) for name in unique}
        identity = text([self.actor_name, tenant, by], secret=lambda _: MARK)
        return hashlib.sha256(identity.encode()).hexdigest()

    def check(self, params: Mapping[str, Any]) -> Values:
        """The parameters, converted to the signature's types. Raises Invalid, with an error for each unfit parameter."""
        return params if self._is_open and self.declaration.check is None else self._validated(params)

    @cached_property
    def takes_secrets(self) -> bool:
        """Whether any parameter is or holds a secret."""
        return takes_secrets(self.parameters)

    @cached_property
    def notable(self) -> dict[str, Any]:
        """The declaration as `sooner.submit` needs it, without the queue."""
        fields = self.parameters.model_fields
        secrets = [name for name, field in fields.items() if takes_secrets(field.annotation)]
        return {"priority": self.declaration.priority, "secrets": secrets}

    def secret_paths(self, params: Mapping[str, Any], values: Values) -> list[Path]:
        """The paths of the secrets in `params`, for which `check` returned `values`."""
        return list(find(params, values)) if self.takes_secrets else []

    def message_with_options(self, *, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
        """As dramatiq's, with an id that sorts by its time.

        Raises TypeError rather than store a secret in clear, and ValueError for unfit options.
        """
        options = {
            name: value.actor_name if isinstance(value, dramatiq.Actor) else value
            for name, value in options.items()
        }
        check_options(options)
        if self.takes_secrets:
            params = self.named(tuple(args), kwargs or {})
            if self.secret_paths(params, self.check(params)):
                instead = "secret parameters have to be sealed: `await submit(…)` does so, and web does (from sooner import submit)"
                raise TypeError(f"{self.actor_name}: {instead}")
        id = uuid7()
        return dramatiq.Message(
            queue_name=self.queue_name,
            actor_name=self.actor_name,
            args=args,
            kwargs=kwargs or {},
            options=options,
            message_id=str(id),
            message_timestamp=id.int >> 80,
        )

    def arguments(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Stored parameters as keyword arguments of the signature's types. Raises Misfit."""
        if self._is_open:
            return params
        try:
            model = self._validated(params)
        except Invalid as error:
            raise Misfit(error.members["errors"]) from None
        return named(model)

    def __call__(self, /, *args: Any, **params: Any) -> Any:
        """Run the function itself, in this program. Raises the function's exceptions.

        The result of an `async def` has to be awaited; of one that yields it is the iterator of its pieces.
        """
        if self.yields:
            return self._pieces(*args, **params)
        if self.is_async:
            # dramatiq's own call would pass a coroutine to its event loop.
            return self.run(*args, **params)
        if self.dependencies:
            return dependencies.call_on_thread(self.fn, self.dependencies, args, params)
        return super().__call__(*args, **params)

    def run(self, /, *args: Any, **params: Any) -> Coroutine[Any, Any, Any]:
        """An async actor's function, with its dependencies; what it yields is put out."""
        if self.yields:
            return collect(self._pieces(*args, **params))
        if self.dependencies:
            return dependencies.call(self.function, self.dependencies, args, params)
        running: Coroutine[Any, Any, Any] = self.function(*args, **params)
        return running

    def _pieces(self, /, *args: Any, **params: Any) -> AsyncGenerator[Any, None]:
        if self.dependencies:
            return dependencies.pieces(self.function, self.dependencies, args, params)
        pieces: AsyncGenerator[Any, None] = self.function(*args, **params)
        return pieces

    def named(self, args: tuple[Any, ...], params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Parameters by name: a stock producer may have sent some by position."""
        return {**dict(zip(self.parameters.model_fields, args, strict=False)), **params} if args else params

    def pause(self, attempt: int) -> float:
        """Seconds between a failed attempt (the first is 1) and the next one."""
        return _seconds(self.declaration.wait, attempt)

    @cached_property
    def takes_uploads(self) -> bool:
        """Whether any parameter is or holds the id of an upload."""
        return '"x-upload":true' in codec.dumps(self.schema)

    def uploads(self, params: Mapping[str, Any], values: Values) -> list[tuple[str, Sequence[UUID]]]:
        """The JSON pointers and ids of the uploads in `params`, for which `check` returned `values`."""
        found = places(params, values, names_upload) if self.takes_uploads else ()
        return [("#" + "".join("/" + escape(part) for part in path), ids) for path, ids in found]

    def _validated(self, params: Mapping[str, Any]) -> BaseModel:
        try:
            model = self.parameters.model_validate(params)
        except ValidationError as error:
            raise Invalid([_entry(detail) for detail in error.errors(include_url=False)]) from None
        if self.declaration.check is not None:
            self.declaration.check(**named(model))
        return model


def _refuse_second(fn: Function) -> None:
    """Raises Unfit for a name that another actor has: clients ask for an actor by its name."""
    actors = dramatiq.get_broker().actors
    known = actors.get(fn.__name__)
    if known is None:
        return
    if not _is_declared_anew(known.fn, fn):
        raise Unfit(
            fn,
            f"module {known.fn.__module__} declares an actor {fn.__name__}, too: give one of the two another name",
        )
    del actors[fn.__name__]


def _is_declared_anew(former: Function, fn: Function) -> bool:
    """Whether a person types the same function again, in a notebook's cell or at a prompt."""
    is_typed = not hasattr(sys.modules["__main__"], "__file__")
    return is_typed and (former.__module__, former.__qualname__) == ("__main__", fn.__qualname__)


def doubling(attempt: int) -> float:
    """The default seconds between attempts."""
    return _seconds(DOUBLING, attempt)


def _seconds(wait: wait_base, attempt: int) -> float:
    state = tenacity.RetryCallState(cast(Any, None), None, (), {})
    state.attempt_number = attempt
    seconds = float(wait(state))
    return 0.0 if math.isnan(seconds) else min(LONGEST_PAUSE, max(0.0, seconds))


def _entry(detail: Any) -> Mapping[str, str]:
    pointer = "#" + "".join("/" + escape(part) for part in detail["loc"])
    return wrong(pointer, detail["msg"].removeprefix("Value error, "))


@overload
def job(fn: Function) -> JobActor: ...
@overload
def job(*, priority: Priority = ..., **options: Unpack[Options]) -> Callable[[Function], JobActor]: ...
def job(
    fn: Function | None = None, *, priority: Priority = "normal", **options: Unpack[Options]
) -> JobActor | Callable[[Function], JobActor]:
    """Make a function an actor, which clients ask for with `POST /jobs/{its name}`.

    An `async def` runs as a task on the worker's event loop, a `def` on one of its threads. What an `async def` yields is the
    job's output; its result is then the texts joined, or else the number of pieces.
    The types of its parameters validate requests; its docstring describes it.

    priority: the priority of requests that name none. options: see `Options`.

    Raises ValueError for an unfit option, TypeError for a function that cannot be an actor: each message says what to write
    instead.
    """
    refuse_unfit({"priority": priority, **options})
    declaration = Declaration(PRIORITIES.index(priority), **options)

    def declare(function: Function) -> JobActor:
        check_function(function)
        make = partial(JobActor, declaration=declaration)
        if dramatiq.broker.global_broker is None:
            from sooner.jobs.declaring.lone import lone_broker

            lone_broker()
        _refuse_second(function)
        return cast(JobActor, dramatiq.actor(function, actor_class=make, queue_name=declaration.queue))

    return declare if fn is None else declare(fn)
