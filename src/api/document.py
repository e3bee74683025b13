"""Answering with a job."""

from collections.abc import Mapping

from starlette.responses import Response

from src.api.answers import Json
from src.api.resources import Resources
from src.jobs.forecast import Outlook
from src.jobs.row import Job


def answer(
    resources: Resources,
    job: Job,
    headers: Mapping[str, str] | None = None,
    *,
    status: int | None = None,
    reading: bool = False,
) -> Response:
    """The job document: 200 where it is final or was only read, else 202 with where to look."""
    code = status or (200 if reading or job.state.is_final else 202)
    urls, outlook = resources.documents.urls(job), resources.forecast.outlook(job)
    more = reading_headers(job, outlook)
    if code == 202:
        more["Location"] = urls["self"]
    if headers:
        more.update(headers)
    return Json(resources.documents.render(job, urls, outlook), code, more)


def reading_headers(job: Job, outlook: Outlook) -> dict[str, str]:
    """What goes with a document, and with the news that it has not changed."""
    headers = {"ETag": job.etag, "Cache-Control": "no-store"}
    if outlook.retry_after is not None:
        headers["Retry-After"] = str(outlook.retry_after)
    return headers
