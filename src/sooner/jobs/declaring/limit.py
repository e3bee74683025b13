"""Limits of an actor: how many jobs run at once, and how often one begins."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sooner.jobs.declaring import values
from sooner.jobs.declaring.numbers import is_count, is_seconds
from sooner.process.logs.redact import MARK
from sooner.queue.enqueue import LimitRow


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` jobs of an actor run at the same time, whatever the number of workers.

    per: None counts all jobs together; "tenant" or a parameter's name counts the jobs of each value apart.

    Raises ValueError for an unfit number or name.
    """

    most: int
    per: str | None = None

    def __post_init__(self) -> None:
        if not is_count(self.most, 1):
            raise ValueError(
                f"Limit takes a whole number of jobs from 1 on, such as Limit(3), not {self.most!r}"
            )
        if not (self.per is None or isinstance(self.per, str)):
            raise ValueError(f"Limit counts per 'tenant', or per a parameter's name, not {self.per!r}")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `jobs` of an actor begin within `seconds`; that many may begin at once (GCRA, ITU-T I.371).

    Raises ValueError for an unfit number.
    """

    jobs: int
    seconds: float = 1.0

    def __post_init__(self) -> None:
        if not is_count(self.jobs, 1):
            raise ValueError(
                f"Rate takes a whole number of jobs from 1 on, such as Rate(10), not {self.jobs!r}"
            )
        if not is_seconds(self.seconds):
            raise ValueError(
                f"Rate takes a number of seconds above 0, and up to a hundred years, such as Rate(10, seconds=60), not {self.seconds!r}"
            )


def row(
    actor: str, concurrency: Limit | None, rate: Rate | None, tenant: str | None, params: Mapping[str, Any]
) -> LimitRow | None:
    """The limit of a job with these parameters; None where there is none.

    A rate counts under the same key as the concurrency.
    """
    if concurrency is None and rate is None:
        return None
    return LimitRow(
        key=actor if concurrency is None else _key(actor, concurrency.per, tenant, params),
        most=None if concurrency is None else concurrency.most,
        interval_seconds=None if rate is None else rate.seconds / rate.jobs,
        burst=None if rate is None else rate.jobs,
    )


def _key(actor: str, per: str | None, tenant: str | None, params: Mapping[str, Any]) -> str:
    if per is None:
        return actor
    # The key is stored in clear.
    value = values.text(tenant if per == "tenant" else params.get(per), secret=lambda _: MARK)
    # A parameter may be long, and an index holds the key.
    return (
        f"{actor} {per}={value}"
        if len(value) <= 100
        else f"{actor} {per}#{hashlib.sha256(value.encode()).hexdigest()}"
    )
