"""A list whose jobs lie on several shards."""

import contextlib
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from starlette.requests import Request

from sooner.db import Unavailable
from sooner.db.bounded import answer
from sooner.jobs.following.listing import Copies, JobFilter, Page, Position
from sooner.jobs.following.merged_page import merged
from sooner.jobs.tenants.directory import SQL as DIRECTORY
from sooner.jobs.tenants.keys import Caller
from sooner.web.all_shards import PATIENCE_SECONDS, of_all
from sooner.web.auth import shards_of
from sooner.web.resources import Resources
from sooner.web.shard import Shard

T = TypeVar("T")

#: What each shard is asked for.
Wanted = Mapping[Shard, JobFilter]


@dataclass(frozen=True)
class MergedPage(Generic[T]):
    """A page of the list: each item with its shard, and where the next page begins, if there is one.

    `missing` are the names of the shards that are left out, since they do not answer.
    """

    items: Sequence[tuple[Shard, T]]
    next: Position | None
    missing: Sequence[str]


async def wanted(request: Request, who: Caller, filter: JobFilter) -> Wanted:
    """The shards on which the caller's jobs lie, each with the filter of the list: copies that moves make are left out.

    While the home is away an operator's list may show a copy for the job.
    """
    shards = shards_of(request, who)
    if len(shards) == 1:
        return dict.fromkeys(shards, filter)
    copies = await _copies(request) if who.is_admin else _left_behind(who, shards)
    return {
        shard: replace(filter, copies=copies[shard.name]) if shard.name in copies else filter
        for shard in shards
    }


def _left_behind(who: Caller, shards: Sequence[Shard]) -> Mapping[str, Copies]:
    """The copies on a tenant's previous shard."""
    return {shard.name: Copies(left=[who.tenant]) for shard in shards[:-1]}


async def _copies(request: Request) -> Mapping[str, Copies]:
    """The copies on each shard, as the directory has them."""
    resources: Resources = request.app.state.resources
    rows: Sequence[Mapping[str, Any]] = ()
    with contextlib.suppress(Unavailable, TimeoutError):
        rows = await answer(resources.home.database.rows(DIRECTORY.copies), PATIENCE_SECONDS)
    return {
        name: Copies(
            [row["tenant"] for row in rows if row["shard"] == name and not row["has_left"]],
            [row["tenant"] for row in rows if row["shard"] == name and row["has_left"]],
        )
        for name in {row["shard"] for row in rows}
    }


async def page_of(
    wanted: Wanted, limit: int, ask: Callable[[Shard, JobFilter], Coroutine[Any, Any, Page[T]]]
) -> MergedPage[T]:
    """Asks each shard for up to `limit` items after one position. Raises Unavailable where no shard answers."""
    asked = await of_all(list(wanted), lambda shard: ask(shard, wanted[shard]))
    page = merged(_pages(wanted, asked.answers), limit)
    return MergedPage(list(page.items.values()), page.next, asked.missing)


def _pages(shards: Collection[Shard], answers: Mapping[str, Page[T]]) -> Sequence[Page[tuple[Shard, T]]]:
    """The pages, each item with its shard."""
    return [
        Page({place: (shard, item) for place, item in page.items.items()}, page.next)
        for shard in shards
        if (page := answers.get(shard.name)) is not None
    ]
