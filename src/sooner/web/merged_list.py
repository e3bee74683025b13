"""A list whose jobs lie on several shards."""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sooner.jobs.following.listing import Page, Position
from sooner.jobs.following.merged_page import merged
from sooner.web.all_shards import of_all
from sooner.web.shard import Shard

T = TypeVar("T")


@dataclass(frozen=True)
class MergedPage(Generic[T]):
    """A page of the list: each item with its shard, and where the next page begins, if there is one.

    `missing` are the names of the shards that are left out, since they do not answer.
    """

    items: Sequence[tuple[Shard, T]]
    next: Position | None
    missing: Sequence[str]


async def page_of(
    shards: Collection[Shard], limit: int, ask: Callable[[Shard], Coroutine[Any, Any, Page[T]]]
) -> MergedPage[T]:
    """Asks each shard for up to `limit` items after one position. Of a job that is on two shards the later shard's counts.

    Raises Unavailable where no shard answers.
    """
    asked = await of_all(shards, ask)
    pages = [_on(shard, asked.answers[shard.name]) for shard in shards if shard.name in asked.answers]
    page = merged(pages, limit)
    return MergedPage(list(page.items.values()), page.next, asked.missing)


def _on(shard: Shard, page: Page[T]) -> Page[tuple[Shard, T]]:
    items: Mapping[Position, tuple[Shard, T]] = {place: (shard, item) for place, item in page.items.items()}
    return Page(items, page.next)
