"""A schedule: which job is due when, and what becomes of ticks that nobody was there to fire."""

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
    """What a schedule's ticks come to: those to fire, oldest first, and the newest of those to pass over."""

    fire: tuple[datetime, ...] = ()
    skip: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """The newest tick."""
        return self.fire[-1] if self.fire else self.skip


@dataclass(frozen=True)
class Schedule:
    """Declares that an actor's job is due at the times of a cron expression, in SCHEDULE_TIMEZONE.

    The actor is named, never imported. `missed` says what becomes of the ticks of a gap, when no scheduler ran:
    `skip` lets them go, `latest` fires the newest one, `all` fires the newest `most` of them.
    With `tick_as`, the job gets its tick as the parameter of that name (RFC 3339, UTC).

    Raises ValueError for a declaration without meaning.
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
        """What is due after `since`, up to `now`. A tick not older than `grace` was not missed yet."""
        most = self.most if self.missed == "all" else 1
        ticks = self.cron.latest(since, now, most=most + 1)
        if not ticks:
            return Due()
        # Of two times in one zone Python subtracts what the clocks showed, not what passed.
        if self.missed == "skip" and now.astimezone(UTC) - ticks[-1].astimezone(UTC) > grace:
            return Due(skip=ticks[-1])
        return Due(fire=tuple(ticks[-most:]), skip=ticks[0] if len(ticks) > most else None)

    def next_after(self, now: datetime) -> datetime:
        """The first tick after `now`, in the zone of `now`."""
        at: datetime = self.cron.next_valid_date(now)
        return at
