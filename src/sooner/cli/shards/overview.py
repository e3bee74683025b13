"""`shards list` and `shards status`: how the shards are."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sooner.cli.shards.links import SQL, ShardLinks, ShardsError
from sooner.jobs.tenants.directory import SQL as DIRECTORY

#: A move that gets no further for this long stands still.
STILL_SECONDS = 60.0
NOT_NAMED = "DATABASE_URLS does not name it: put name=postgresql://… there"
GIVEN_UP = "given up: DATABASE_URLS does not name it, and it has no tenants"


@dataclass(frozen=True)
class ShardLine:
    """How a shard is; None for what the directory, or its database, does not say. `said` is what to do where it is not `ok`."""

    name: str
    home: bool
    weight: float | None = None
    draining: bool | None = None
    tenants: int | None = None
    waiting: int | None = None
    processing: int | None = None
    ok: bool = True
    said: str = "ok"

    def __str__(self) -> str:
        facts = {"tenants": self.tenants, "waiting": self.waiting, "processing": self.processing}
        words = [
            self.name,
            *(["home"] if self.home else []),
            *([] if self.weight is None else [f"weight={self.weight:g}"]),
            *(["draining"] if self.draining else []),
            *(f"{fact}={count}" for fact, count in facts.items() if count is not None),
            self.said if self.ok else f"WRONG: {self.said}",
        ]
        return "  ".join(words)


@dataclass(frozen=True)
class MoveLine:
    """A move that has not ended, the seconds since it began, and those since it last got on."""

    tenant: str
    source: str
    target: str
    step: str
    seconds: float
    idle_seconds: float

    @property
    def stands_still(self) -> bool:
        """Whether somebody has to see to it."""
        return self.idle_seconds > STILL_SECONDS

    def __str__(self) -> str:
        said = f"{self.tenant}  {self.source} to {self.target}  {self.step}  for {self.seconds:.0f} s"
        if not self.stands_still:
            return said
        return (
            f"{said}  WRONG: got no further for {self.idle_seconds:.0f} s: "
            f"go on with it (python -m sooner shards move {self.tenant} {self.target}), "
            f"or take it back (… move {self.tenant} {self.source})"
        )


@dataclass(frozen=True)
class Overview:
    """The shards, and the moves between them."""

    shards: Sequence[ShardLine]
    moves: Sequence[MoveLine] = ()

    @property
    def ok(self) -> bool:
        """Whether every shard answers and every move gets on."""
        return all(shard.ok for shard in self.shards) and not any(move.stands_still for move in self.moves)

    def document(self) -> dict[str, Any]:
        """The same for programs."""
        moves = [{**asdict(move), "stands_still": move.stands_still} for move in self.moves]
        return {"ok": self.ok, "shards": [asdict(shard) for shard in self.shards], "moves": moves}


async def overview(links: ShardLinks, *, with_jobs: bool) -> Overview:
    """How all shards are, those that DATABASE_URLS or the directory alone names included; with the numbers of their jobs.

    Raises ShardsError where the home goes away meanwhile.
    """
    looks = await asyncio.gather(*(_look(links, name, with_jobs=with_jobs) for name in links.names))
    if not next(look.ok for look in looks if look.home):
        return Overview(looks)
    known = {row["name"]: row for row in await links.rows(links.home, DIRECTORY.shards)}
    shards = [_as_known(look, known.pop(look.name, None)) for look in looks]
    shards += [_unnamed(row) for row in known.values()]
    return Overview(shards, [MoveLine(**row) for row in await links.rows(links.home, SQL.moves)])


async def _look(links: ShardLinks, name: str, *, with_jobs: bool) -> ShardLine:
    """What a shard's own database says."""
    line = ShardLine(name, home=name == links.home)
    if fault := await links.fault(name):
        return replace(line, ok=False, said=fault)
    if not with_jobs:
        return line
    try:
        [jobs] = await links.rows(name, SQL.jobs)
    except ShardsError as error:
        return replace(line, ok=False, said=str(error))
    return replace(line, **jobs)


def _as_known(line: ShardLine, row: Mapping[str, Any] | None) -> ShardLine:
    """The same with what the directory says of the shard."""
    if row is None:
        return replace(line, said=f"not added: python -m sooner shards add {line.name}") if line.ok else line
    return replace(line, weight=row["weight"], draining=row["is_draining"], tenants=row["tenants"])


def _unnamed(row: Mapping[str, Any]) -> ShardLine:
    """A shard that the directory alone names: its tenants cannot be reached, if it has any."""
    is_given_up = row["tenants"] == 0 and row["is_draining"]
    said = GIVEN_UP if is_given_up else NOT_NAMED
    return _as_known(ShardLine(row["name"], home=False, ok=is_given_up, said=said), row)
