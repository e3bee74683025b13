"""One span an attempt (OpenTelemetry's semantic conventions for messaging)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from sooner.jobs.running.attempt import Attempt
from sooner.jobs.running.runner import Settle
from sooner.queue.finish import Ending

if TYPE_CHECKING:
    from sooner.process.telemetry.tracing import Tracing

#: The outcomes that have another name in the job document. `lost` is an attempt that ran out of memory, or whose lease
#: was taken away.
OUTCOMES = {"rejected": "error", "queued": "waiting"}


class AttemptSpans:
    """Makes spans of attempts; they never hold parameters."""

    def __init__(self, tracing: "Tracing") -> None:
        self._tracing = tracing

    def __call__(self, row: Mapping[str, Any], settle: Settle) -> tuple[Mapping[str, Any], Settle]:
        """Begin a span: the row with the span's traceparent, and a Settle that ends the span."""
        span = self._tracing.begin("consumer", f"process {row['actor']}", {"traceparent": row["traceparent"]})

        def settled(attempt: Attempt, ending: Ending | None) -> None:
            span.end({**_attributes(row), "sooner.outcome": _outcome(ending)}, error=_error(ending))
            settle(attempt, ending)

        return {**row, "traceparent": span.traceparent}, settled


def _attributes(row: Mapping[str, Any]) -> dict[str, str | int]:
    return {
        "messaging.system": "sooner",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": row["queue_name"],
        "messaging.message.id": str(row["message_id"]),
        "sooner.actor": row["actor"],
        "sooner.attempt": row["attempts"],
    }


def _outcome(ending: Ending | None) -> str:
    return "lost" if ending is None else OUTCOMES.get(ending.state, ending.state)


def _error(ending: Ending | None) -> str | None:
    """The error's type; its text, which may hold secrets, stays in the job."""
    if ending is None or ending.error is None:
        return None
    return str(orjson.loads(ending.error)["type"])
