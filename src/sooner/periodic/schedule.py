"""A schedule: an actor's job at the times of a cron expression, with a rule for missed ticks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import orjson

from sooner.periodic.cron import Cron
from sooner.queue.lane import check_queue

Missed = Literal["skip", "latest", "all"]

#: The highest bound of a catch-up.
MOST = 1000

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Due:
    """The due ticks of a schedule: the ticks to fire, oldest first, and the newest tick to skip."""

    fire: tuple[datetime, ...] = ()
    skip: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """The newest tick."""
        return self.fire[-1] if self.fire else self.skip


@dataclass(frozen=True)
class Schedule:
    """Declares that an actor's job is due at the times of a cron expression, in SCHEDULE_TIMEZONE.

    The actor is named, never imported. `missed` is the rule for ticks in a time without a scheduler: `skip` drops them,
    `latest` fires the newest tick, `all` fires the newest `most` ticks.
    With `tick_as`, the job gets its tick as the parameter of this name (RFC 3339, UTC).

    Raises ValueError for an unfit declaration.
    """

    name: str
    cron: Cron
    actor: str
    params: Mapping[str, Any] = field(default_factory=dict)
    queue: str = "default"
    missed: Missed = "latest"
    most: int = 100
    tick_as: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"schedule {self.name!r}: a name has lower-case letters, digits and _")
        check_queue(self.queue)
        if self.missed not in get_args(Missed):
            raise ValueError(f"schedule {self.name}: missed is one of {', '.join(get_args(Missed))}")
        if not 1 <= self.most <= MOST:
            raise ValueError(f"schedule {self.name}: most is from 1 to {MOST}")
        try:
            params = self.params_of(datetime.now(UTC))
        except TypeError as error:
            raise ValueError(f"schedule {self.name}: params are no JSON object: {error}") from None
        if r"\u0000" in params:
            raise ValueError(f"schedule {self.name}: PostgreSQL stores no NUL in params")

    def params_of(self, tick: datetime) -> str:
        """The job's parameters at a tick, as JSON."""
        own = {self.tick_as: f"{tick.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"} if self.tick_as else {}
        return orjson.dumps({**self.params, **own}).decode()

    def due(self, since: datetime, now: datetime, *, grace: timedelta) -> Due:
        """The ticks that are due after `since`, up to `now`. A tick up to `grace` old does not count as missed."""
        most = self.most if self.missed == "all" else 1
        ticks = self.cron.latest(since, now, most=most + 1)
        if not ticks:
            return Due()
        # Between two times of one zone, Python subtracts the readings of the clock, not the elapsed time.
        if self.missed == "skip" and now.astimezone(UTC) - ticks[-1].astimezone(UTC) > grace:
            return Due(skip=ticks[-1])
        return Due(fire=tuple(ticks[-most:]), skip=ticks[0] if len(ticks) > most else None)

    def next_after(self, now: datetime) -> datetime:
        """The first tick after `now`, in the zone of `now`."""
        at: datetime = self.cron.next_valid_date(now)
        return at
