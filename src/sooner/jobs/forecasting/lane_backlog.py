"""The backlog of a lane: the jobs that come before a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sooner.jobs.forecasting.durations import Durations


@dataclass(frozen=True, slots=True)
class LaneBacklog:
    """The due jobs of one lane and priority, as of the last look.

    `turn` is the current round, in which each of `tenants` has one job; `actors` are the actors of the first jobs.
    """

    turn: int | None
    tenants: int
    actors: tuple[str, ...]
    length: int

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "LaneBacklog":
        """The backlog of a row of the query `backlogs`."""
        return cls(row["turn"], row["tenants"], tuple(row["actors"]), row["length"])

    def rounds_before(self, turn: int | None) -> int:
        """The rounds before a job of round `turn`, which are as many as the jobs of its own tenant before it."""
        if turn is None or self.turn is None:
            return 0
        # After the backlog was empty, rounds go on with a much higher number.
        return min(self.length, max(0, turn - self.turn))

    def jobs_before(self, turn: int | None) -> int:
        """The approximate number of jobs before a job of round `turn`."""
        return min(self.length, self.rounds_before(turn) * self.tenants)

    def seconds_per_job(self, known: Mapping[str, Durations], share: float) -> float:
        """The seconds that a job of the backlog takes, at this quantile of its actor's runs; 0 for unknown actors."""
        times = [known[actor].quantile(share) or 0 for actor in self.actors if actor in known]
        return sum(times) / len(self.actors) if self.actors else 0
