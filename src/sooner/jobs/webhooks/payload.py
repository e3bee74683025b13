"""The payload of a webhook (Standard Webhooks: type, timestamp, data)."""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from sooner.jobs.following.document import facts
from sooner.jobs.row import Job
from sooner.jobs.webhooks.deliveries import TEST

MOST_BYTES = 20_000


def webhook_payload(event: str, ended_at: datetime, id: UUID, job: Job | None) -> bytes:
    """The payload: the job document as it is now, in less than 20 kB, without signed addresses.

    A payload that is too large loses its result, then parameters, progress and error; `trimmed` names the members left
    out, which the receiver can read at `urls`. A job that was removed has its id alone.
    """
    data: dict[str, Any] = {"id": str(id)} if job is None else facts(job, job.expires_at)
    path = f"/jobs/{id}"
    data["urls"] = {
        "self": path,
        "events": f"{path}/events",
        "result": f"{path}/result",
        "cancel": f"{path}/cancel",
    }
    payload: dict[str, Any] = {"type": event, "timestamp": ended_at, "data": data}
    for member in ("result", "params", "progress", "error"):
        text = _dump(payload)
        if len(text) < MOST_BYTES:
            return text
        if data.get(member) is not None:
            data[member] = None
            payload.setdefault("trimmed", []).append(member)
    return _dump(payload)


def test_payload(webhook: UUID, at: datetime) -> bytes:
    """The payload of a test, which tells of no job."""
    return _dump({"type": TEST, "timestamp": at, "data": {"webhook": str(webhook)}})


def _dump(payload: dict[str, Any]) -> bytes:
    return orjson.dumps(payload, option=orjson.OPT_UTC_Z)
