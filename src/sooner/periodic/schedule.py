"""A schedule: an actor's job at the times of a cron expression, with a rule for missed ticks."""

import json
import re
from collections.abc import Iterator, Mapping
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


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _name_of(actor: Any) -> str:
    return getattr(actor, "actor_name", None) or getattr(actor, "__name__", None) or "its_name"


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
        if not (_is_text(self.name) and _NAME.fullmatch(self.name)):
            raise ValueError(
                f"schedule {self.name!r}: a name has lower-case letters, digits and _, such as 'tidy_up'"
            )
        check_queue(self.queue)
        for fits, needed in self._needs():
            if not fits:
                raise ValueError(f"schedule {self.name}: {needed}")
        self._check_params()

    def _needs(self) -> Iterator[tuple[bool, str]]:
        """Whether each part fits, and the sentence about a part that does not."""
        cron: object = self.cron
        yield isinstance(cron, Cron), f"cron is a Cron: write Cron.parse({self.cron!r})"
        yield _is_text(self.actor), f"actor is the actor's name, a text: write {_name_of(self.actor)!r}"
        yield self.missed in get_args(Missed), f"missed is one of {', '.join(get_args(Missed))}"
        whole = _is_whole(self.most) and 1 <= self.most <= MOST
        yield whole, f"most is from 1 to {MOST}, a whole number"
        yield isinstance(self.params, Mapping), "params are no JSON object: write {'name': value}"
        yield (
            self.tick_as is None or _is_text(self.tick_as),
            f"tick_as is the name of the parameter that gets the tick, a text, not {self.tick_as!r}",
        )
        yield (
            self.tick_as is None or self.tick_as not in self.params,
            f"tick_as would replace the parameter {self.tick_as}: take it out of params",
        )

    def _check_params(self) -> None:
        try:
            params = self.params_of(datetime.now(UTC))
            json.dumps(self.params, allow_nan=False, default=str)
        except (TypeError, ValueError) as error:
            raise ValueError(f"schedule {self.name}: params are no JSON object: {error}") from None
        if r"\u0000" in params:
            raise ValueError(f"schedule {self.name}: PostgreSQL stores no NUL, take it out of params")

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
