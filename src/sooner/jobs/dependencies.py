"""Dependencies: the resources of a process that actors take as parameters, such as a pool, an HTTP client or a model."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    aclosing,
    asynccontextmanager,
    contextmanager,
)
from contextvars import Context
from dataclasses import dataclass
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from pydantic_settings import BaseSettings

from sooner.process import logs

log = logs.get(__name__)

#: The most seconds in which a resource may close.
CLOSE_SECONDS = 5.0
#: How often a thread that waits for a resource may be interrupted, in seconds.
WAIT_SECONDS = 0.2

Make = Callable[..., Any]


@dataclass(frozen=True)
class Depends:
    """Mark a parameter as a dependency: `pool: Annotated[Pool, Depends(make_pool)]`. It is no parameter of the job.

    make: a class of settings (pydantic-settings), which a worker checks before it begins, or a function that gives back the resource, or yields it and closes it afterwards, sync or async; its own parameters may be
      dependencies. eager: a worker opens the resource when it starts, rather than when an actor first needs it.

    A worker process opens a resource once, for all attempts, and closes it after the last one. Where it fails to open, the attempt
    fails, and the next one tries again.
    """

    make: Make
    eager: bool = False

    def __post_init__(self) -> None:
        if not callable(self.make):
            raise TypeError(f"Depends takes a function that makes the resource, not {self.make!r}")
        if is_settings(self.make):
            return
        try:
            needed = {
                name
                for name, parameter in inspect.signature(self.make).parameters.items()
                if parameter.default is parameter.empty
                and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            }
        except ValueError:
            needed = set()
        if unknown := needed - set(dependencies_of(self.make)):
            raise TypeError(
                f"{_name(self.make)} makes a dependency, and nobody gives it {', '.join(sorted(unknown))}: give it a default, or "
                "write Annotated[…, Depends(…)]"
            )


def is_settings(make: Make) -> bool:
    """Whether a dependency is read from the environment."""
    return isinstance(make, type) and issubclass(make, BaseSettings)


def settings_of(wanted: Iterable[Depends]) -> list[type[BaseSettings]]:
    """The classes of settings among dependencies, and among the dependencies of their makers."""
    found: dict[type[BaseSettings], None] = {}
    for depends in wanted:
        if is_settings(depends.make):
            found[cast(type[BaseSettings], depends.make)] = None
        else:
            found |= dict.fromkeys(settings_of(dependencies_of(depends.make).values()))
    return list(found)


def dependencies_of(fn: Callable[..., Any], hints: Mapping[str, Any] | None = None) -> dict[str, Depends]:
    """The dependencies of a function, by parameter. Raises TypeError for a parameter with two."""
    if is_settings(fn):
        return {}
    if hints is None:
        try:
            hints = get_type_hints(inspect.unwrap(fn), include_extras=True)
        except (NameError, TypeError, AttributeError):
            # A class, or an object that is called: it takes no dependencies.
            return {}
    _refuse_defaults(fn)
    marked = {name: _mark(name, hint) for name, hint in hints.items() if name != "return"}
    return {name: depends for name, depends in marked.items() if depends is not None}


def _mark(name: str, hint: Any) -> Depends | None:
    """The dependency that a parameter's type is marked with. Raises TypeError."""
    hint = _behind(hint)
    if _holds_depends(get_args(hint)[0] if get_origin(hint) is Annotated else hint):
        raise TypeError(f"parameter {name}: write Annotated[…, Depends(…)] as the whole of its type")
    marks = [mark for mark in _marks(hint) if isinstance(mark, Depends) or mark is Depends]
    if Depends in marks:
        raise TypeError(f"parameter {name} is marked with Depends itself: write Depends(make)")
    if len(marks) > 1:
        raise TypeError(f"parameter {name} has {len(marks)} times Depends: write it once")
    return cast(Depends, marks[0]) if marks else None


def _refuse_defaults(fn: Callable[..., Any]) -> None:
    """Raises TypeError for a default that is a dependency, as other frameworks write it."""
    try:
        parameters = inspect.signature(fn).parameters.items()
    except ValueError:
        return
    for name, parameter in parameters:
        if isinstance(parameter.default, Depends):
            raise TypeError(
                f"parameter {name}: write Annotated[…, Depends({_name(parameter.default.make)})] as its type, not as its default"
            )


def _behind(hint: Any) -> Any:
    """The type behind the name of a `type` statement."""
    while hasattr(hint, "__value__"):
        hint = hint.__value__
    return hint


def _holds_depends(hint: Any, within: tuple[Any, ...] = ()) -> bool:
    """Whether a type is a dependency, or a part of it is or is marked with one."""
    # A type that has a name may hold itself.
    if any(hint is outer for outer in within):
        return False
    parts = get_args(_behind(hint))
    return isinstance(hint, Depends) or any(_holds_depends(part, (*within, hint)) for part in parts)


def _marks(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


class Dependencies:
    """The open resources of one program, on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._resources: dict[Make, _Resource] = {}
        self._instead: dict[Make, Make] = {}

    def override(self, make: Make, instead: Make) -> None:
        """Open what another maker makes. Raises RuntimeError where the resource is open already."""
        if make in self._resources:
            raise RuntimeError(f"{_name(make)} is open already: override it before its first use")
        self._instead[make] = instead

    async def of(self, wanted: Mapping[str, Depends]) -> dict[str, Any]:
        """The resources by parameter, opened where they are not yet. Raises the errors of their makers."""
        return {name: await self._open(depends.make) for name, depends in wanted.items()}

    def of_thread(self, wanted: Mapping[str, Depends]) -> dict[str, Any]:
        """As `of`, for a thread that is not the loop's."""
        opening = asyncio.run_coroutine_threadsafe(self.of(wanted), self._loop)
        while True:
            # An interrupt reaches a thread between two waits.
            with contextlib.suppress(TimeoutError):
                return opening.result(WAIT_SECONDS)
            if opening.done():
                return opening.result()

    async def open_eager(self, wanted: Iterable[Depends]) -> None:
        """Open those that are wanted from the start; a failure is logged, and the first attempt tries again."""
        for make in dict.fromkeys(depends.make for depends in wanted if depends.eager):
            try:
                await self._open(make)
            except Exception:
                log.exception("dependency cannot be opened", dependency=_name(make))

    async def close(self) -> None:
        """Close all resources, the last opened first."""
        for resource in reversed(list(self._resources.values())):
            await resource.close()
        self._resources.clear()

    async def _open(self, make: Make) -> Any:
        make = self._instead.get(make, make)
        if make not in self._resources:
            # Opened before the one that needs it, and so closed after it.
            await self.of(dependencies_of(make))
        if (resource := self._resources.get(make)) is None:
            resource = self._resources[make] = _Resource(make, self)
        try:
            return await resource.opened()
        except BaseException:
            if resource.failed and self._resources.get(make) is resource:
                del self._resources[make]
            raise


class _Resource:
    """A resource, opened and closed by one task of its own: some context managers refuse to be left by another task."""

    def __init__(self, make: Make, dependencies: Dependencies) -> None:
        self._make = make
        self._dependencies = dependencies
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        # Outside the context of the job that happens to need it first.
        self._life = Context().run(asyncio.create_task, self._live())

    async def opened(self) -> Any:
        """The resource, as soon as it is open. Raises its maker's error."""
        return await asyncio.shield(self._opened)

    @property
    def failed(self) -> bool:
        """Whether it did not open."""
        return self._opened.done() and (self._opened.cancelled() or self._opened.exception() is not None)

    async def close(self) -> None:
        """Close it; a failure, or too long a wait, is logged."""
        self._closing.set()
        _, slow = await asyncio.wait([self._life], timeout=CLOSE_SECONDS)
        if slow:
            self._life.cancel()
            log.warning("dependency not closed in time", dependency=_name(self._make))

    async def _live(self) -> None:
        try:
            given = await self._dependencies.of(dependencies_of(self._make))
            async with opening(self._make, given) as resource:
                self._opened.set_result(resource)
                await self._closing.wait()
        except Exception as error:
            if self._opened.done():
                log.exception("dependency failed to close", dependency=_name(self._make))
            else:
                self._opened.set_exception(error)
        except BaseException as error:
            # SystemExit out of a task would end the worker's loop.
            if not self._opened.done():
                self._opened.set_exception(RuntimeError(f"{_name(self._make)} raised {type(error).__name__}"))
            if isinstance(error, asyncio.CancelledError):
                raise


@asynccontextmanager
async def opening(make: Make, given: Mapping[str, Any]) -> AsyncIterator[Any]:
    """A resource that its maker gives back or yields; sync makers run on threads. Raises the maker's errors."""
    if (in_loop := _async_manager(make)) is not None:
        async with in_loop(**given) as resource:
            yield resource
    elif (on_thread := _manager(make)) is not None:
        manager = on_thread(**given)
        resource = await asyncio.to_thread(manager.__enter__)
        try:
            yield resource
        finally:
            await asyncio.to_thread(manager.__exit__, None, None, None)
    elif inspect.iscoroutinefunction(make):
        yield await make(**given)
    else:
        yield await asyncio.to_thread(lambda: make(**given))


def _async_manager(make: Make) -> Callable[..., AbstractAsyncContextManager[Any]] | None:
    if not inspect.isasyncgenfunction(inspect.unwrap(make)):
        return None
    return asynccontextmanager(make) if inspect.isasyncgenfunction(make) else make


def _manager(make: Make) -> Callable[..., AbstractContextManager[Any]] | None:
    if not inspect.isgeneratorfunction(inspect.unwrap(make)):
        return None
    return contextmanager(make) if inspect.isgeneratorfunction(make) else make


def _name(make: Make) -> str:
    return getattr(make, "__qualname__", None) or repr(make)


_lent: list[Dependencies] = []


def lend(dependencies: Dependencies | None) -> None:
    """Set the resources of this process, or none. The worker calls this once when it begins."""
    _lent[:] = [] if dependencies is None else [dependencies]


async def call(
    fn: Callable[..., Any], wanted: Mapping[str, Depends], args: Any, params: Mapping[str, Any]
) -> Any:
    """Call an async function with its dependencies: a worker's, else opened for this call."""
    async with _given(fn, wanted, args, params) as given:
        return await fn(*args, **params, **given)


async def pieces(
    fn: Callable[..., Any], wanted: Mapping[str, Depends], args: Any, params: Mapping[str, Any]
) -> AsyncGenerator[Any, None]:
    """As `call`, for a function that yields."""
    async with _given(fn, wanted, args, params) as given, aclosing(fn(*args, **params, **given)) as own:
        async for piece in own:
            yield piece


@asynccontextmanager
async def _given(
    fn: Callable[..., Any], wanted: Mapping[str, Depends], args: Any, params: Mapping[str, Any]
) -> AsyncIterator[Mapping[str, Any]]:
    missing = _missing(fn, wanted, args, params)
    if _lent:
        yield await _lent[0].of(missing)
        return
    own = Dependencies()
    try:
        yield await own.of(missing)
    finally:
        await own.close()


def call_on_thread(
    fn: Callable[..., Any], wanted: Mapping[str, Depends], args: Any, params: Mapping[str, Any]
) -> Any:
    """As `call`, for a plain function. Raises RuntimeError in an event loop, which it would hold up."""
    missing = _missing(fn, wanted, args, params)
    if not missing:
        return fn(*args, **params)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        if _lent:
            return fn(*args, **params, **_lent[0].of_thread(missing))
        return asyncio.run(_with_own(fn, missing, args, params))
    raise RuntimeError(
        f"{_name(fn)} needs dependencies, and opening them here would hold up the event loop: call it by "
        f"`await asyncio.to_thread({fn.__name__}, …)`, or pass {', '.join(missing)}"
    )


async def _with_own(fn: Callable[..., Any], missing: Mapping[str, Depends], args: Any, params: Any) -> Any:
    own = Dependencies()
    try:
        given = await own.of(missing)
        return await asyncio.to_thread(lambda: fn(*args, **params, **given))
    finally:
        await own.close()


def _missing(
    fn: Callable[..., Any], wanted: Mapping[str, Depends], args: Any, params: Mapping[str, Any]
) -> dict[str, Depends]:
    """The dependencies that the caller does not pass."""
    passed = inspect.signature(fn).bind_partial(*args, **params).arguments if args else params
    return {name: depends for name, depends in wanted.items() if name not in passed}
