"""The bare result of a job over HTTP."""

import hashlib
from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from sooner.blobs import BlobGone
from sooner.jobs import codec
from sooner.jobs.files.files import File, Files
from sooner.jobs.problem import Gone, JobFailed, WrongState
from sooner.jobs.row import Job
from sooner.jobs.states import State
from sooner.jobs.tenants.keys import Caller
from sooner.web.auth import shard_of
from sooner.web.endpoint import endpoint
from sooner.web.http.representation import Representation, answer, attachment
from sooner.web.lookup import job_id, visible
from sooner.web.openapi.operation import IF_NONE_MATCH, Answer, Parameter

PARTS = ("ETag", "Accept-Ranges", "Content-Disposition")


@endpoint(
    "GET",
    "/jobs/{id}/result",
    scope="jobs",
    tag="Jobs",
    answers={
        200: Answer("The result: JSON, or the actor's file.", media="*/*", headers=PARTS),
        206: Answer("A range of the result.", media="*/*", headers=(*PARTS, "Content-Range")),
        304: Answer("The client has this version already.", headers=("ETag",)),
    },
    problems=(404, 409, 410, 416, 502),
    parameters=(
        Parameter("Range", "header", "The wanted range (RFC 9110, section 14).", {"type": "string"}),
        Parameter(
            "If-Range", "header", "The range applies only while the entity tag is this.", {"type": "string"}
        ),
        IF_NONE_MATCH,
    ),
    by_address=True,
)
async def get_job_result(request: Request, who: Caller | None) -> Response:
    """The actor's result, as JSON or as the file that it made."""
    shard = shard_of(request)
    id = job_id(request)
    job = await visible(shard, id, who)
    text = _result(job)
    file = await shard.files.of(id, text)
    try:
        return await answer(request, _json(text) if file is None else _file(shard.files, file))
    except BlobGone:
        raise Gone("The job's file is not there any more.") from None


def _result(job: Job) -> str:
    if not job.state.is_final:
        raise WrongState(f"The job is {job.state}: there is no result yet.")
    if job.state is State.CANCELLED:
        raise WrongState("The job was cancelled: there is no result.")
    if job.result is None:
        raise JobFailed(codec.loads(job.error or "{}"))
    return job.result


def _json(text: str) -> Representation:
    data = text.encode()

    async def pieces(start: int, stop: int) -> AsyncIterator[bytes]:
        yield data[start:stop]

    etag = f'"{hashlib.sha256(data).hexdigest()}"'
    return Representation("application/json", len(data), etag, pieces)


def _file(files: Files, file: File) -> Representation:
    # A stranger may have supplied the bytes: browsers save them and never run them as a page of this site.
    headers = {
        "Content-Disposition": attachment(file.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Representation(file.type, file.bytes, f'"{file.sha256}"', partial(files.read, file), headers)
