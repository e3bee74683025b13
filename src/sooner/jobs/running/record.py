"""The record of an attempt, in the log of its worker process."""

import logging
import time
from json.encoder import encode_basestring

import orjson

from sooner.jobs.running.attempt import Attempt
from sooner.process.logs.records import quoted, records
from sooner.queue.finish import Ending

#: How an attempt ended, by the state in which it leaves its job; `queued` is for `_outcome`.
OUTCOMES = {"done": "done", "rejected": "error", "cancelled": "cancelled", "lost": "lost"}


def note(attempt: Attempt, ending: Ending | None) -> None:
    """Record an ended attempt; without an ending its lease was lost, and another worker tries the job again.

    A failure is a warning with its traceback, the same for an actor on a thread and on the loop.
    """
    raised = None if ending is None or ending.state == "cancelled" else ending.raised
    level = logging.INFO if raised is None else logging.WARNING
    if records.takes(level):
        again = ending is None or ending.state in ("queued", "lost")
        outcome, ms = _outcome(ending), (time.monotonic() - attempt.began) * 1000
        exception = None if raised is None else _exception(raised)
        write = _members if records.is_json else _sentence
        records.add(level, write(attempt, outcome, ms, exception, again=again))


def _outcome(ending: Ending | None) -> str:
    if ending is None:
        return "lost"
    if ending.state == "queued":
        return "error" if ending.counted else "interrupted"
    return OUTCOMES[ending.state]


def _exception(raised: str) -> str:
    told = orjson.loads(raised)
    return str(told["traceback"] or told["exception"])


def _members(attempt: Attempt, outcome: str, ms: float, exception: str | None, *, again: bool) -> str:
    job = attempt.current
    told = "" if exception is None else f',"exception":{encode_basestring(exception)}'
    return (
        f'"event":"attempt","actor":{quoted(job.actor)},"attempt":{job.attempt},"outcome":"{outcome}","ms":{ms:.2f},'
        f'"again":{"true" if again else "false"},"job":"{job.id}","request_id":{"null" if job.request_id is None else encode_basestring(job.request_id)},'
        f'"tenant":{quoted(job.tenant)}{told}'
    )


def _sentence(attempt: Attempt, outcome: str, ms: float, exception: str | None, *, again: bool) -> str:
    job = attempt.current
    number = "" if job.attempt == 1 else f", attempt {job.attempt}"
    who = "" if job.tenant is None else f" {job.tenant}"
    told = "" if exception is None else f"\n{exception}"
    return f"{job.actor} {outcome} {ms:.0f} ms{number}{', is tried again' if again else ''}{who} job={job.id}{told}"
