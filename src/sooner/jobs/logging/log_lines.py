"""Reading the log of a job, for operators."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sooner.db import Database
from sooner.jobs import codec
from sooner.jobs.logging.log_writer import SQL

#: A line's own members; a field of such a name gets an underscore more.
MEMBERS = ("at", "level", "logger", "message", "attempt")


class LogLines:
    """Reads the lines of a job's log. Raises Unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def after(self, job: UUID, number: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `most` lines after a number, in order, each with its own number."""
        rows = await self._database.rows(SQL.lines, job=job, after=number, most=most)
        return [(row["number"], _members(row)) for row in rows]


def _members(row: Mapping[str, Any]) -> dict[str, Any]:
    fields: Mapping[str, Any] = {} if row["fields"] is None else codec.loads(row["fields"])
    own = {name: row[name] for name in MEMBERS}
    return own | {f"{name}_" if name in MEMBERS else name: value for name, value in fields.items()}
