"""The journal: the row of a move in the home's database. Its steps are taken by one mover, the last that took it over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sooner.db import Queries, Query
from sooner.jobs.moving.move_end import MoveEnd, MoveHalted
from sooner.jobs.tenants.locator import locator

SQL = Queries("sooner.jobs.moving", "sql/journal.sql")


class TakenOver(MoveHalted):
    """Another mover goes on with the move."""

    def __init__(self, tenant: str) -> None:
        super().__init__(f"Another mover has taken over the move of {tenant}: this one does nothing more.")


@dataclass(frozen=True, slots=True)
class UnfinishedMove:
    """A move that is under way."""

    id: UUID
    source: str
    target: str


class Journal:
    """What the home's database knows of a tenant's move. Every method raises ShardLost."""

    def __init__(self, home: MoveEnd, tenant: str) -> None:
        self._home = home
        self._tenant = tenant
        self._locator = locator(tenant)
        self._mover = uuid4()
        self._id: UUID | None = None
        #: The last step that was noted, and what is to be known of the move.
        self.step = ""
        self.detail: dict[str, Any] = {}

    async def shard(self) -> str | None:
        """The shard that has the tenant; None where the directory does not know it."""
        found = await self._home.rows(SQL.place, tenant=self._tenant)
        return found[0]["shard"] if found else None

    async def shards(self) -> list[str]:
        """The names of all shards."""
        return await self._home.ids(SQL.shards)

    async def unfinished(self) -> UnfinishedMove | None:
        """The tenant's move that is under way."""
        found = await self._home.rows(SQL.unfinished, locator=self._locator)
        return UnfinishedMove(**found[0]) if found else None

    async def begin(self, source: str, target: str) -> UnfinishedMove:
        """Begin a move. Raises MoveHalted where the tenant is elsewhere by now, or is being moved."""
        values = {"id": uuid4(), "locator": self._locator, "source": source, "target": target}
        if not await self._home.rows(SQL.begin, **values):
            raise MoveHalted(
                f"{self._tenant} has been moved, or is being moved, by another mover: look again."
            )
        return UnfinishedMove(values["id"], source, target)  # type: ignore[arg-type]

    async def take(self, move: UnfinishedMove) -> None:
        """Make the move this mover's. Raises MoveHalted where it has ended."""
        found = await self._home.rows(SQL.take, id=move.id, mover=str(self._mover))
        if not found:
            raise MoveHalted(f"The move of {self._tenant} has just ended: look again.")
        self._id, self.step, self.detail = move.id, found[0]["step"], json.loads(found[0]["detail"])

    async def note(self, step: str, **detail: Any) -> None:
        """Note a step. Raises TakenOver."""
        await self._write(SQL.note, step, detail)

    async def note_frozen(self, step: str, *, is_frozen: bool) -> None:
        """Note a step and whether the tenant is frozen. Raises TakenOver."""
        await self._write(SQL.note_frozen, step, {}, is_frozen=is_frozen)

    async def switch(self) -> None:
        """Bring the tenant to its target: the moment at which it has moved.

        To be tried again where the answer is lost. Raises TakenOver.
        """
        try:
            await self._write(SQL.switch, "switched", {})
        except TakenOver:
            if not await self._home.rows(SQL.has_switched, id=self._id, mover=str(self._mover)):
                raise
            self.step = "switched"

    async def end(self, step: str) -> None:
        """End the move. Raises TakenOver."""
        await self._write(SQL.end, step, {})

    async def _write(self, query: Query, step: str, detail: Mapping[str, Any], **values: Any) -> None:
        text = json.dumps(detail)
        found = await self._home.rows(
            query, id=self._id, mover=str(self._mover), step=step, detail=text, **values
        )
        if not found:
            raise TakenOver(self._tenant)
        self.step, self.detail = step, {**self.detail, **detail}
