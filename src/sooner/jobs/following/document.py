"""The job document (contract, section 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import orjson

from sooner.jobs import codec
from sooner.jobs.following.signed_urls import SignedUrls
from sooner.jobs.forecasting.forecast import Forecast, Outlook
from sooner.jobs.row import FIELDS, Field, Job, compiled

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
        access = "?access=" + self._signed_urls.sign(job.id, job.tenant, self.expiry(job))
        path = f"{self._root()}/jobs/{job.id}"
        return {
            "self": path + access,
            "events": f"{path}/events{access}",
            "result": f"{path}/result{access}",
            "cancel": f"{path}/cancel{access}",
        }


def facts(job: Job, expires_at: datetime | None) -> dict[str, Any]:
    """The members that come from the row, for orjson."""
    members: dict[str, Any] = _facts(job, expires_at)
    for name in _OPTIONAL:
        if getattr(job, name):
            members[name] = getattr(job, name)
    return members


def _member(name: str, field: Field) -> str:
    if name == "expires_at":
        return name
    return f"job.{name}" if field.show is None else f"None if job.{name} is None else show_{name}(job.{name})"


_OPTIONAL = [name for name, field in FIELDS.items() if field.is_optional]
_SHOWN = {name: field for name, field in FIELDS.items() if field.is_shown and not field.is_optional}
_facts = compiled(
    "job, expires_at",
    f"{{{', '.join(f'{name!r}: {_member(name, field)}' for name, field in _SHOWN.items())}}}",
    **{f"show_{name}": field.show for name, field in _SHOWN.items()},
)


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
