"""The job document (contract, section 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson

from sooner.jobs import codec
from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.forecasting.forecast import Forecast, Outlook
from sooner.jobs.row import Job
from sooner.jobs.states import PRIORITIES

NO_MORE: Mapping[str, Any] = MappingProxyType({})


class Documents:
    """Renders jobs as JSON. `root` returns the path in front of every address."""

    def __init__(
        self, signed_urls: SignedUrls, forecast: Forecast, *, retention: timedelta, root: Callable[[], str]
    ) -> None:
        self._root = root
        self._signed_urls = signed_urls
        self._forecast = forecast
        self._retention = retention

    def expiry(self, job: Job) -> datetime:
        """The time until which the job can be read, at least."""
        return job.expires_at or (job.finished_at or job.created_at) + self._retention

    def members(
        self, job: Job, urls: Mapping[str, str] | None = None, outlook: Outlook | None = None
    ) -> dict[str, Any]:
        """The document's members, for orjson; `urls` and `outlook` where they are known."""
        end = (outlook or self._forecast.outlook(job)).finishes_at
        members = facts(job, self.expiry(job))
        members["estimate"] = None if end is None else {"finishes_at": end}
        members["urls"] = urls or self.urls(job)
        return members

    def render(
        self,
        job: Job,
        urls: Mapping[str, str] | None = None,
        outlook: Outlook | None = None,
        more: Mapping[str, Any] = NO_MORE,
    ) -> bytes:
        """The document as JSON; `urls` and `outlook` where they are known, and `more` members."""
        members = self.members(job, urls, outlook)
        members.update(more)
        return orjson.dumps(members, option=orjson.OPT_UTC_Z)

    def urls(self, job: Job) -> dict[str, str]:
        """The job's signed addresses."""
        access = "?access=" + self._signed_urls.sign(job.id, self.expiry(job))
        path = f"{self._root()}/jobs/{job.id}"
        return {
            "self": path + access,
            "events": f"{path}/events{access}",
            "result": f"{path}/result{access}",
            "cancel": f"{path}/cancel{access}",
        }


def facts(job: Job, expires_at: datetime | None) -> dict[str, Any]:
    """The members that come from the row, for orjson; JSON texts from the row go through unread."""
    members = {
        "id": str(job.id),
        "actor": job.actor,
        "queue": job.queue,
        "state": job.state,
        "priority": PRIORITIES[job.priority],
        "request_id": job.request_id,
        "attempts": job.attempts,
        "crashes": job.crashes,
        "created_at": job.created_at,
        "run_at": job.run_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "expires_at": expires_at,
        "progress": _json(job.progress),
        "params": _json(job.params),
        "result": _json(job.result),
        "error": _json(job.error),
        "parent": None if job.parent is None else str(job.parent),
    }
    if job.cancel_requested:
        members["cancel_requested"] = True
    return members


def as_value(job: Job) -> dict[str, Any]:
    """The document for a program, without an estimate; its addresses need a key."""
    path = f"/jobs/{job.id}"
    urls = {"self": path, "events": f"{path}/events", "result": f"{path}/result", "cancel": f"{path}/cancel"}
    members = {**facts(job, job.expires_at), "estimate": None, "urls": urls}
    value: dict[str, Any] = codec.loads(orjson.dumps(members, option=orjson.OPT_UTC_Z))
    return value


def facts_line(job: Job) -> bytes:
    """The facts as one line of JSON, without signed addresses."""
    return orjson.dumps(facts(job, job.expires_at), option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _json(text: str | None) -> orjson.Fragment | None:
    return None if text is None else orjson.Fragment(text)
