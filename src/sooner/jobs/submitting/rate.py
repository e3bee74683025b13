"""How often a tenant may ask."""

import time
from collections.abc import Callable

#: Beyond this many tenants those that have not asked lately are forgotten: they would be let in anyway.
MOST_TENANTS = 10_000


class RateLimit:
    """Lets each tenant in `per_second` times a second on average, and as many times at once; 0 lets all in.

    The generic cell rate algorithm (ITU-T I.371, annex A), which is a token bucket that keeps one number a
    tenant. It counts what this process sees: several web processes let in several times as much.
    """

    def __init__(self, per_second: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._tolerance = max(0.0, 1.0 - self._interval)
        self._now = now
        self._due: dict[str, float] = {}

    def wait(self, tenant: str) -> float:
        """Count one request: 0 where it is let in, else the seconds until one will be."""
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
