"""The tables of which a tenant owns rows, with the columns that both databases have: a schema one revision apart moves, too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sooner.db import Queries, Query
from sooner.jobs.moving.move_end import MoveEnd

CATALOG = Queries("sooner.jobs.moving", "sql/catalog.sql")

#: By the names that rows.sql gives their columns.
TABLES = {
    "queue": "dramatiq.queue",
    "output": "sooner.output",
    "log_line": "sooner.log_line",
    "file": "sooner.file",
    "file_chunk": "sooner.file_chunk",
    "blob": "sooner.blob",
    "upload": "sooner.upload",
    "chunk": "sooner.chunk",
    "api_key": "sooner.api_key",
    "token": "sooner.token",
    "webhook": "sooner.webhook",
    "limit": "sooner.limit",
}
#: How many jobs run under a limit is counted where they run.
NOT_MOVED = {("limit", "running")}


@dataclass(frozen=True)
class MovedTable:
    """A table, and the columns of its rows that move."""

    name: str
    columns: tuple[str, ...]

    @property
    def staging(self) -> str:
        """The temporary table in which rows arrive."""
        return f"moving_{self.name}"

    @property
    def listed(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(self.columns)

    @property
    def bare(self) -> tuple[str, ...]:
        """The columns' names without SQL's quotation marks."""
        return tuple(column.strip('"') for column in self.columns)

    @cached_property
    def _queries(self) -> Queries:
        schema, _, name = TABLES[self.name].partition(".")
        parts = {"table": f'{schema}."{name}"', "columns": self.listed, "staging": self.staging}
        return Queries("sooner.jobs.moving", "sql/table.sql", **parts)

    @property
    def stage(self) -> Query:
        """Makes the table in which rows arrive."""
        return self._queries.stage

    @property
    def add(self) -> Query:
        """Adds the rows that have arrived."""
        return self._queries.add


class MovedTables:
    """All the tables, and the queries that read the rows."""

    def __init__(self, columns: Mapping[str, tuple[str, ...]]) -> None:
        self._tables = {name: MovedTable(name, listed) for name, listed in columns.items()}
        lists = {f"{name}_columns": table.listed for name, table in self._tables.items()}
        self.rows = Queries("sooner.jobs.moving", "sql/rows.sql", **lists)
        shared = {name: lists[name] for name in ("queue_columns", "log_line_columns")}
        self.jobs = Queries("sooner.jobs.moving", "sql/jobs.sql", **shared)

    def __getitem__(self, name: str) -> MovedTable:
        return self._tables[name]

    def __iter__(self) -> Iterator[MovedTable]:
        return iter(self._tables.values())


async def shared_tables(source: MoveEnd, target: MoveEnd) -> MovedTables:
    """The tables with the columns that source and target share. Raises ShardLost."""
    there = await _columns(target)
    return MovedTables(
        {
            name: tuple(
                column for column in listed if column in there[name] and (name, column) not in NOT_MOVED
            )
            for name, listed in (await _columns(source)).items()
        }
    )


async def _columns(end: MoveEnd) -> dict[str, list[str]]:
    names = {table: name for name, table in TABLES.items()}
    columns: dict[str, list[str]] = {name: [] for name in TABLES}
    for row in await end.rows(CATALOG.columns, tables=list(names)):
        columns[names[row["table"]]].append(row["column"])
    return columns
