"""Queues over HTTP: for operators."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sooner.jobs.operating.queues import merged
from sooner.jobs.problem import NotFound, Problem, ServiceUnavailable
from sooner.jobs.tenants.keys import Caller
from sooner.web.all_shards import PATIENCE_SECONDS, OfAll, of_all, silence
from sooner.web.auth import shards_of
from sooner.web.endpoint import endpoint
from sooner.web.http.answers import answer_json, answer_list
from sooner.web.lookup import name
from sooner.web.openapi import schemas
from sooner.web.openapi.operation import Answer


@endpoint("GET", "/queues", scope="admin", tag="Queues", answers={200: Answer("The queues.", schemas.Queues)})
async def list_queues(request: Request, who: Caller) -> Response:
    """Every queue with its numbers; beyond 10,000 jobs a number is an estimate.

    `stranded` counts due jobs that no living worker would claim, as none serves their actor; jobs of a paused queue do not count.

    The numbers are of all shards together. A queue is `paused` where it is paused on any shard. `missing` names the shards
    that do not answer.
    """
    asked = await of_all(shards_of(request, who), lambda shard: shard.queues.all())
    return answer_list([_public(queue) for queue in merged(asked.answers.values())], more=asked.members)


@endpoint(
    "POST",
    "/queues/{name}/pause",
    scope="admin",
    tag="Queues",
    answers={200: Answer("The queue.", schemas.Queue)},
    problems=(404, 503),
)
async def pause_queue(request: Request, who: Caller) -> Response:
    """No worker takes from it until it is resumed, on any shard.

    Where a shard does not answer, the others are paused, the answer is 503, and the request is to be repeated.
    """
    return await _set(request, who, paused=True)


@endpoint(
    "POST",
    "/queues/{name}/resume",
    scope="admin",
    tag="Queues",
    answers={200: Answer("The queue.", schemas.Queue)},
    problems=(404, 503),
)
async def resume_queue(request: Request, who: Caller) -> Response:
    """Workers take from it again, on every shard.

    Where a shard does not answer, the others are resumed, the answer is 503, and the request is to be repeated.
    """
    return await _set(request, who, paused=False)


async def _set(request: Request, who: Caller, *, paused: bool) -> Response:
    queue, shards = name(request), shards_of(request, who)
    known = await of_all(shards, lambda shard: shard.queues.find(queue))
    if not any(known.answers.values()):
        raise _unknown(queue, known.missing)
    done = await of_all(shards, lambda shard: shard.queues.pause(queue, paused=paused))
    if done.missing:
        raise _undone(queue, "paused" if paused else "resumed", done)
    [together] = merged([each] for each in done.answers.values())
    return answer_json(_public(together))


def _unknown(queue: str, missing: Sequence[str]) -> Problem:
    """The answer where no shard that answers has the queue."""
    if not missing:
        return NotFound(f"There is no queue {queue!r}.")
    return ServiceUnavailable(
        f"No shard that answers has a queue {queue!r}. {silence(missing)}: repeat this request when that has ended.",
        retry_after=PATIENCE_SECONDS,
    )


def _undone(queue: str, what: str, done: OfAll[Any]) -> ServiceUnavailable:
    """The answer where a shard is away: it stays as it was."""
    return ServiceUnavailable(
        f"Queue {queue!r} is {what} on {' and '.join(done.answers)}. {silence(done.missing)}: repeat this request when that has ended.",
        retry_after=PATIENCE_SECONDS,
    )


def _public(queue: Mapping[str, Any]) -> dict[str, Any]:
    return {member: queue[member] for member in schemas.Queue.__annotations__}
