"""The backlog: the jobs that come before a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sooner.jobs.forecasting.durations import Durations


@dataclass(frozen=True, slots=True)
class LaneBacklog:
    """The jobs of one lane and priority that are due, as they were when somebody last looked.

    `turn` is the round under way, in which each of `tenants` has one job; `actors` those of the first of them.
    """

    turn: int | None
    tenants: int
    actors: tuple[str, ...]
    length: int

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "LaneBacklog":
        """The backlog of a row of the query `backlogs`."""
        return cls(row["turn"], row["tenants"], tuple(row["actors"]), row["length"])

    def rounds(self, turn: int | None) -> int:
        """How many rounds come before a job of that round: as many jobs of its own tenant do."""
        if turn is None or self.turn is None:
            return 0
        # A backlog that has been empty since goes on with a much later round.
        return min(self.length, max(0, turn - self.turn))

    def ahead(self, turn: int | None) -> int:
        """About how many jobs come before a job of that round."""
        return min(self.length, self.rounds(turn) * self.tenants)

    def service(self, known: Mapping[str, Durations], share: float) -> float:
        """The seconds that a job of it takes, at that quantile of its actor's runs; unknown actors take none."""
        times = [known[actor].quantile(share) or 0 for actor in self.actors if actor in known]
        return sum(times) / len(self.actors) if self.actors else 0
