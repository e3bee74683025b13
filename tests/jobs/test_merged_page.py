"""A page of one list whose jobs lie in several databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from sooner.jobs.following.listing import START, Page, Position
from sooner.jobs.following.merged_page import merged

#: Few times and few ids, so that many positions share one.
POSITIONS = st.builds(
    lambda seconds, number: Position(
        datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds), UUID(int=number)
    ),
    st.integers(0, 20),
    st.integers(0, 5),
)


def order(place: Position) -> tuple[datetime, UUID]:
    return place.created_at, place.id


def newest_first(places: set[Position]) -> list[Position]:
    return sorted(places, key=order, reverse=True)


def page(jobs: set[Position], fits: set[Position], limit: int, scan: int, after: Position) -> Page[Position]:
    """A page as a database makes it that looks at `scan` jobs at most."""
    rest = [place for place in newest_first(jobs) if after.is_before(place)]
    found = [place for place in rest[:scan] if place in fits]
    if len(found) > limit:
        return Page({place: place for place in found[:limit]}, found[limit - 1])
    return Page({place: place for place in found}, rest[scan - 1] if len(rest) > scan else None)


@given(
    st.lists(st.sets(POSITIONS), min_size=1, max_size=4),
    st.sets(POSITIONS),
    st.integers(1, 7),
    st.data(),
)
def test_the_pages_of_several_databases_are_one_list(
    databases: list[set[Position]], fits: set[Position], limit: int, data: st.DataObject
) -> None:
    walked: list[Position] = []
    after: Position | None = START
    while after is not None:
        pages = [page(jobs, fits, limit, data.draw(st.integers(1, 40)), after) for jobs in databases]
        this = merged(pages, limit)
        assert len(this.items) <= limit
        assert all(place == item for place, item in this.items.items())
        assert this.next is None or after.is_before(this.next)
        walked += this.items
        after = this.next

    assert walked == newest_first(set().union(*databases) & fits)


def test_of_a_job_that_is_in_two_databases_the_later_page_counts() -> None:
    place = Position(datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1))

    assert merged([Page({place: "left behind"}, None), Page({place: "moved"}, None)], 5) == Page(
        {place: "moved"}, None
    )
