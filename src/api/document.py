"""Answering with a job."""

from collections.abc import Mapping

from starlette.responses import Response

from src.api.resources import Resources
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
    urls = resources.documents.urls(job)
    more = {**(headers or {}), **reading_headers(resources, job)}
    if code == 202:
        more["Location"] = urls["self"]
    return Response(resources.documents.render(job, urls), code, more, media_type="application/json")


def reading_headers(resources: Resources, job: Job) -> dict[str, str]:
    """What goes with a document, and with the news that it has not changed."""
    headers = {"ETag": job.etag, "Cache-Control": "no-store"}
    if not job.state.is_final:
        headers["Retry-After"] = str(resources.forecast.retry_after(job))
    return headers
