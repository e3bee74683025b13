"""A page of one list whose jobs lie in several databases."""

from collections.abc import Sequence
from typing import TypeVar

from sooner.jobs.following.listing import Page, Position

T = TypeVar("T")


def merged(pages: Sequence[Page[T]], limit: int) -> Page[T]:
    """The first `limit` items of all pages, which begin at one position. Of two items at one position the later page's counts.

    A page that has a next one tells nothing of what lies behind its end. So nothing behind the nearest of these ends is shown:
    it would stand before jobs that the next page brings.
    """
    if len(pages) == 1:
        return pages[0]
    ends = [page.next for page in pages if page.next is not None]
    end = max(ends, key=_nearness) if ends else None
    items = {place: item for page in pages for place, item in page.items.items()}
    known = [place for place in items if end is None or not end.is_before(place)]
    known.sort(key=_nearness, reverse=True)
    shown = known[:limit]
    return Page({place: items[place] for place in shown}, shown[-1] if len(known) > limit else end)


def _nearness(place: Position) -> tuple[object, object]:
    return place.created_at, place.id
