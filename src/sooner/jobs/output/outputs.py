"""Reading output: the readers of a process share each statement."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from sooner.db import Group, Link, Unavailable
from sooner.jobs.output.rest import Rest
from sooner.jobs.output.writer import SQL
from sooner.process import logs

log = logs.get(__name__)

#: The most pieces of one job, their most bytes, and the most places, in one statement.
PAGE = 2000
PAGE_BYTES = 1 << 16
BATCH = 500
#: More than any piece has.
NO_BOUND = 1 << 40


class Pieces(NamedTuple):
    """Pieces in a row: `texts` are their JSON texts, one a line, and an empty line where further ones were dropped.

    `is_reset`: the job is tried again, and what the reader has seen so far does not count. `is_more`: there may be others already.
    """

    first: int
    last: int
    texts: str
    is_reset: bool = False
    is_more: bool = False

    def numbered(self) -> Iterator[tuple[int, str]]:
        """The JSON text of each piece with its number."""
        return enumerate(self.texts.split("\n"), self.first) if self.last else iter(())


class Found(NamedTuple):
    """What the table has behind a place, and the fence of the attempt that put it out.

    `is_there` is false where the reader's last piece does not count any more.
    """

    first: int | None
    last: int | None
    texts: str | None
    fence: int | None
    is_more: bool | None
    is_there: bool

    @property
    def is_too_large(self) -> bool:
        """Whether the next piece alone is larger than a page."""
        return bool(self.is_more) and self.first is None


#: A job, the number of the last piece that a reader has, and the fence of its attempt, None where the reader does not know it.
Key = tuple[UUID, int, int | None]
NOTHING = Found(None, None, None, None, is_more=False, is_there=False)


class Bookmark:
    """A reader's place in the output of a job. It holds no pieces: a slow reader reads on when it is ready."""

    __slots__ = ("_fence", "_outputs", "after", "job")

    def __init__(self, outputs: "Outputs", job: UUID, after: int) -> None:
        self.job, self.after = job, after
        self._fence: int | None = None
        self._outputs = outputs

    def turn_to(self, outputs: "Outputs") -> None:
        """Read on elsewhere: the job has moved there with its pieces, which keep their numbers."""
        self._outputs = outputs

    async def next(self) -> Pieces | None:
        """The next pieces; None where the reader has all. Raises Unavailable."""
        found = await self._outputs.find((self.job, self.after, self._fence))
        is_reset = self.after > 0 and not found.is_there
        if is_reset:
            found = await self._outputs.find((self.job, 0, None))
            self.after = 0
        if found.first is None or found.last is None:
            return Pieces(0, 0, "", is_reset=True) if is_reset else None
        self.after, self._fence = found.last, found.fence
        return Pieces(found.first, found.last, found.texts or "", is_reset, is_more=bool(found.is_more))

    async def pages(self) -> AsyncGenerator[Pieces]:
        """All the pages that there are. Raises Unavailable.

        What is written after the last one wakes its readers.
        """
        while (page := await self.next()) is not None:
            yield page
            if not page.is_more:
                return


class Outputs:
    """Reads output over one connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.find: Group[Key, Found] = Group(self._find, limit=BATCH, rest=Rest())

    def bookmark(self, job: UUID, after: int = 0) -> Bookmark:
        """A bookmark behind a piece, by its number."""
        return Bookmark(self, job, after)

    async def _find(self, keys: Sequence[Key]) -> Sequence[Found]:
        found = await self._read(list(dict.fromkeys(keys)), PAGE, PAGE_BYTES)
        for place in [place for place, its in found.items() if its.is_too_large]:
            found |= await self._read([place], 1, NO_BOUND)
        return [found.get(key, NOTHING) for key in keys]

    async def _read(self, places: Sequence[Key], limit: int, most: int) -> dict[Key, Found]:
        rows = await self._rows(places, limit, most)
        return {
            places[row["nth"] - 1]: Found(
                row["first"], row["last"], row["pieces"], row["fence"], row["is_more"], row["is_there"]
            )
            for row in rows
        }

    async def _rows(self, places: Sequence[Key], limit: int, most: int) -> Sequence[Mapping[str, Any]]:
        try:
            return await self._link.fetch(
                SQL.read,
                job=[job for job, _, _ in places],
                after=[after for _, after, _ in places],
                fence=[fence for _, _, fence in places],
                limit=limit,
                most=most,
            )
        except Unavailable:
            raise
        except asyncpg.UndefinedTableError as error:
            if "sooner.output" in str(error):
                # The schema of the revision before has no output.
                return ()
            raise unreadable(error) from error
        except Exception as error:
            raise unreadable(error) from error


def unreadable(error: Exception) -> Unavailable:
    """The output cannot be read now: its readers wait, as they do for a database that is away."""
    log.error("output not read", exc_info=error)
    return Unavailable(str(error))
