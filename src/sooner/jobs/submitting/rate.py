"""The rate limit of a tenant's requests."""

import time
from collections.abc import Callable

from sooner.jobs.problem import TooManyRequests

#: Beyond this many tenants, idle ones are forgotten: they would be admitted anyway.
MOST_TENANTS = 10_000


class RateLimit:
    """Admits `per_second` requests of each tenant a second on average, and as many at once; 0 admits all.

    It is the generic cell rate algorithm (ITU-T I.371, annex A), a token bucket that keeps one number a tenant. It
    counts the requests of this process: several web processes admit several times as many.
    """

    def __init__(self, per_second: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._tolerance = max(0.0, 1.0 - self._interval)
        self._now = now
        self._due: dict[str, float] = {}

    def check(self, tenant: str) -> None:
        """Count one request. Raises TooManyRequests."""
        if wait := self.wait(tenant):
            raise TooManyRequests("This tenant sends requests faster than it may.", retry_after=wait)

    def wait(self, tenant: str) -> float:
        """Count one request: 0 where it is admitted, else the seconds until the next will be."""
        if not self._interval:
            return 0.0
        now = self._now()
        due = max(self._due.get(tenant, 0.0), now)
        if (early := due - now - self._tolerance) > 1e-9:
            return early
        if len(self._due) >= MOST_TENANTS:
            self._due = {one: at for one, at in self._due.items() if at > now}
        self._due[tenant] = due + self._interval
        return 0.0
