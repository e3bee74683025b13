"""Reading the log of a job, for operators."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sooner.db import Database
from sooner.jobs import codec
from sooner.jobs.logging.log_writer import SQL

#: A line's own members; a field of such a name gets an underscore more.
MEMBERS = ("at", "level", "logger", "message", "attempt")


class SeenLines:
    """The numbers of the lines that a reader has, as runs: an attempt's numbers follow each other."""

    def __init__(self, last: int) -> None:
        #: What the reader had in the beginning.
        self.begin = last
        #: The highest number.
        self.last = last
        self.firsts: list[int] = []
        self.lasts: list[int] = []

    def add(self, number: int) -> None:
        """Note the next line."""
        if self.lasts and number == self.lasts[-1] + 1:
            self.lasts[-1] = number
        else:
            self.firsts.append(number)
            self.lasts.append(number)
        self.last = max(self.last, number)


class LogLines:
    """Reads the lines of a job's log. Raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, job: UUID, number: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `most` lines after a number, in order, each with its own number."""
        rows = await self._database.rows(SQL.lines, job=job, after=number, most=most)
        return [(row["number"], _members(row)) for row in rows]

    async def missed(self, job: UUID, seen: SeenLines, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `most` lines below the highest number that a reader has not seen."""
        rows = await self._database.rows(
            SQL.missed,
            job=job,
            after=seen.begin,
            last=seen.last,
            firsts=seen.firsts,
            lasts=seen.lasts,
            most=most,
        )
        return [(row["number"], _members(row)) for row in rows]


def _members(row: Mapping[str, Any]) -> dict[str, Any]:
    fields: Mapping[str, Any] = {} if row["fields"] is None else codec.loads(row["fields"])
    own = {name: row[name] for name in MEMBERS}
    return own | {f"{name}_" if name in MEMBERS else name: value for name, value in fields.items()}
