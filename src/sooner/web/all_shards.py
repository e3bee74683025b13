"""Asking all shards at once: one that does not answer keeps nobody waiting, and is named."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sooner.db import Unavailable
from sooner.db.bounded import abandon, answer
from sooner.web.shard import Shard

T = TypeVar("T")

#: How long a shard may take to answer, where there are others.
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class OfAll(Generic[T]):
    """What the shards answered, by their names, and the names of those that did not answer."""

    answers: Mapping[str, T]
    missing: Sequence[str]

    @property
    def members(self) -> dict[str, Any]:
        """What an answer says of it: `missing`, where a shard did not answer."""
        return named(self.missing)


def named(missing: Sequence[str]) -> dict[str, Any]:
    """The member of an answer that names the shards that are missing; none where none is."""
    return {"missing": missing} if missing else {}


def silence(missing: Sequence[str]) -> str:
    """The sentence, without its end, that these shards do not answer."""
    names = " and ".join(missing)
    return f"Shard {names} does not answer" if len(missing) == 1 else f"Shards {names} do not answer"


async def of_all(
    shards: Collection[Shard],
    ask: Callable[[Shard], Coroutine[Any, Any, T]],
    *,
    is_enough: Callable[[T], bool] = lambda _: False,
) -> OfAll[T]:
    """Ask all shards at once. The only shard has all the time that it needs.

    After an answer that `is_enough` nobody waits for the other shards: they are neither among the answers nor missing.
    Raises Unavailable where none answers, and whatever else a shard raises.
    """
    if len(shards) == 1:
        return OfAll({shard.name: await ask(shard) for shard in shards}, ())
    asking = {shard.name: asyncio.create_task(_ask(shard, ask)) for shard in shards}
    try:
        for asked in asyncio.as_completed(asking.values()):
            if any(map(is_enough, await asked)):
                break
        heard = {name: asked.result() for name, asked in asking.items() if asked.done()}
    finally:
        for each in asking.values():
            abandon(each)
    if not any(heard.values()):
        raise Unavailable("no shard answers")
    return OfAll(
        {name: answer for name, its in heard.items() for answer in its},
        [name for name, its in heard.items() if not its],
    )


async def _ask(shard: Shard, ask: Callable[[Shard], Coroutine[Any, Any, T]]) -> Sequence[T]:
    """The answer of a shard; nothing where it is away."""
    try:
        return [await answer(ask(shard), PATIENCE_SECONDS)]
    except (Unavailable, TimeoutError):
        return ()
