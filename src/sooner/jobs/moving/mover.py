"""The mover: brings a tenant to a shard, by a new move or the one that is under way."""

from collections.abc import Callable, Mapping

from sooner.jobs.moving.journal import Journal, UnfinishedMove
from sooner.jobs.moving.move_end import MoveEnd, MoveHalted
from sooner.jobs.moving.tables import shared_tables
from sooner.jobs.moving.tenant_move import SWITCHED, TenantMove

#: Web processes have forgotten where the tenant was.
SETTLE_SECONDS = 10.0


class Mover:
    """Moves one tenant; `urls` are the addresses of all shards, those of their owners. `say` is told of each step.

    Whoever moves a tenant whose move is unfinished goes on with it. The last mover is the one that goes on: an earlier
    one, should it still live, does nothing more.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        home: str,
        tenant: str,
        *,
        say: Callable[[str], None] = print,
        settle_seconds: float = SETTLE_SECONDS,
    ) -> None:
        self._urls = urls
        self._home = MoveEnd(home, urls[home])
        self._tenant = tenant
        self._say = say
        self._settle_seconds = settle_seconds
        self._journal = Journal(self._home, tenant)
        self._under_way: UnfinishedMove | None = None

    @property
    def advice(self) -> str:
        """What to do about a move that stopped in the middle; empty where none did."""
        move = self._under_way
        if move is None:
            return ""
        return (
            f"The same command goes on where this one stopped; `python -m sooner shards move {self._tenant} {move.source}` "
            "takes the move back."
        )

    async def move(self, to: str) -> None:
        """Bring the tenant to a shard. Raises MoveHalted where it cannot be moved now."""
        try:
            await self._move(to)
        finally:
            await self._home.close()

    async def _move(self, to: str) -> None:
        shard = await self._journal.shard()
        if shard is None:
            raise MoveHalted(
                f"The directory has no tenant {self._tenant}: `python -m sooner shards list` shows the shards that it has."
            )
        self._check(to, await self._journal.shards())
        unfinished = await self._journal.unfinished()
        if unfinished is not None:
            if to not in (unfinished.source, unfinished.target):
                raise MoveHalted(
                    f"{self._tenant} is being moved from {unfinished.source} to {unfinished.target}: "
                    "move it to one of these first."
                )
            if not await self._go_on(unfinished, to):
                return
            shard = unfinished.target
        if shard == to:
            self._say(f"{self._tenant} is in {to}")
        else:
            await self._go_on(await self._journal.begin(shard, to), to)

    def _check(self, shard: str, known: list[str]) -> None:
        """Raises MoveHalted for a shard that the directory or the settings do not have."""
        if shard not in known:
            raise MoveHalted(f"The directory has no shard {shard}, but {', '.join(known)}.")
        if shard not in self._urls:
            raise MoveHalted(f"DATABASE_URLS has no shard {shard}, but {', '.join(self._urls)}.")

    async def _go_on(self, move: UnfinishedMove, to: str) -> bool:
        """Take the steps of a move to its end; True where the tenant is to be moved back after it."""
        for shard in (move.source, move.target):
            self._check(shard, list(self._urls))
        source, target = (MoveEnd(shard, self._urls[shard]) for shard in (move.source, move.target))
        renewing = MoveEnd(move.source, self._urls[move.source])
        try:
            tables = await shared_tables(source, target)
            await self._journal.take(move)
            self._under_way = move
            steps = TenantMove(self._journal, source, target, renewing, tables, self._tenant, say=self._say)
            try:
                is_to_go_back = await self._steps(steps, is_back=to == move.source)
            finally:
                await steps.close()
            self._under_way = None
            return is_to_go_back
        finally:
            for end in (source, target, renewing):
                await end.close()

    async def _steps(self, steps: TenantMove, *, is_back: bool) -> bool:
        has_moved = self._journal.step in SWITCHED
        if is_back and not has_moved:
            await steps.undo()
            return False
        if not has_moved:
            await steps.copy()
            await steps.switch()
        await steps.finish(self._settle_seconds)
        return is_back
