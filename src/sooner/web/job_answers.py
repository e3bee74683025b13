"""Answers whose body is a job document."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from sooner.jobs.following.document import NO_MORE
from sooner.jobs.forecasting.forecast import Outlook
from sooner.jobs.row import Job
from sooner.web.http.answers import NO_STORE, HeaderField, rendered
from sooner.web.shard import Shard


def answer(
    shard: Shard,
    job: Job,
    *fields: HeaderField,
    status: int | None = None,
    reading: bool = False,
    more: Mapping[str, Any] = NO_MORE,
) -> Response:
    """The job document with `more` members: 200 for a final job or a read, else 202 with a Location.

    `fields` are further header fields.
    """
    code = status or (200 if reading or job.state.is_final else 202)
    urls, outlook = shard.documents.urls(job), shard.forecast.outlook(job)
    said = validators(job, outlook)
    if reading:
        # No cache stores an answer to a POST anyway (RFC 9111, section 3).
        said.append(NO_STORE)
    if code == 202:
        said.append(("Location", urls["self"]))
    said += fields
    return rendered(shard.documents.render(job, urls, outlook, more), code, said)


def unchanged(shard: Shard, job: Job, *fields: HeaderField) -> Response:
    """304: the client has the newest document."""
    said = [*validators(job, shard.forecast.outlook(job)), NO_STORE, *fields]
    return Response(status_code=304, headers=dict(said))


def validators(job: Job, outlook: Outlook) -> list[HeaderField]:
    """The document's ETag, and Retry-After while the job is not final."""
    fields = [("ETag", job.etag)]
    if outlook.retry_after is not None:
        fields.append(("Retry-After", str(outlook.retry_after)))
    return fields
