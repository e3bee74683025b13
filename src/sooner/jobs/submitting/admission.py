"""Admission: whether a tenant may submit one more job now."""

from sooner.jobs.declaring.declare import JobActor
from sooner.jobs.forecasting.forecast import Forecast
from sooner.jobs.problem import ServiceUnavailable, TooManyRequests
from sooner.jobs.submitting.waiting_limit import WaitingLimit


class Admission:
    """Admits submissions, or says when to come back."""

    def __init__(self, waiting_limit: WaitingLimit, forecast: Forecast, *, most_due: int) -> None:
        self._waiting_limit = waiting_limit
        self._forecast = forecast
        self._most_due = most_due

    def has_room(self, tenant: str, actor: JobActor) -> bool:
        """Reserve room for one job without a look at the table, far from any limit; where it fails, call `make_room`."""
        return self._forecast.depth(actor.queue_name) < self._most_due and self._waiting_limit.add_safely(
            tenant
        )

    async def make_room(self, tenant: str, actor: JobActor) -> None:
        """Reserve room for one job. The caller then calls `landed` or `withdraw`.

        Raises TooManyRequests for a tenant with too many waiting jobs, ServiceUnavailable for a queue that is
        too long, and Unavailable.
        """
        if self._forecast.depth(actor.queue_name) >= self._most_due:
            detail = f"The queue {actor.queue_name} is full: too many jobs wait in it."
            raise ServiceUnavailable(detail, retry_after=self._forecast.pace(actor))
        if not await self._waiting_limit.add(tenant):
            raise TooManyRequests(
                "This tenant has too many jobs waiting.", retry_after=self._forecast.pace(actor)
            )

    def landed(self, tenant: str) -> None:
        """The admitted job has its row."""
        self._waiting_limit.landed(tenant)

    def withdraw(self, tenant: str) -> None:
        """The admitted job was not enqueued after all."""
        self._waiting_limit.withdraw(tenant)
