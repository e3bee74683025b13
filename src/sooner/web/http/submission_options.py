"""The options of a submission in its query and headers: start, priority, notification, cancellation, idempotency."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from starlette.requests import Request

from sooner.jobs.mail.notice import read_mailto
from sooner.jobs.problem import Invalid, wrong
from sooner.jobs.states import PRIORITIES
from sooner.process.mail_address import MailAddress

#: Ten years: beyond that somebody mistook milliseconds for seconds.
MOST_SECONDS = 315_360_000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,15})?", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_PAST = datetime(1970, 1, 1, tzinfo=UTC)


class Timing(NamedTuple):
    """A submission's start, as a time or as seconds of delay, and its priority's name."""

    run_at: datetime | None = None
    delay: float | None = None
    priority: str | None = None


#: The timing of most requests, which ask for none.
NOW = Timing()


def timing(request: Request) -> Timing:
    """The timing that the query asks for. Raises Invalid."""
    if not request.scope["query_string"]:
        return NOW
    query = request.query_params
    return Timing(run_at(query), delay(query), priority(query))


def run_at(query: Mapping[str, str]) -> datetime | None:
    """The time of `run_at` (RFC 3339). Raises Invalid."""
    text = query.get("run_at")
    if text is None:
        return None
    # A plus sign that was not escaped arrives as a space.
    text = re.sub(r" (\d\d:\d\d)$", r"+\1", text)
    # No clock here has leap seconds.
    text = re.sub(r"(:\d\d:)60", r"\g<1>59", text)
    try:
        time = datetime.fromisoformat(text.upper()) if _RFC3339.fullmatch(text) else None
    except ValueError:
        time = None
    if time is None:
        raise Invalid([wrong("#/run_at", "run_at is a time as RFC 3339 has it: 2030-01-31T12:00:00Z")])
    if time > datetime.now(UTC) + timedelta(seconds=MOST_SECONDS):
        raise Invalid([wrong("#/run_at", "run_at lies at most ten years ahead")])
    # The first and last days of the calendar do not exist in every zone.
    return max(time, _PAST).astimezone(UTC)


def delay(query: Mapping[str, str]) -> float | None:
    """The seconds of `delay`. Raises Invalid, also where `run_at` is there too."""
    if "delay" not in query:
        return None
    if "run_at" in query:
        raise Invalid([wrong("#/delay", "give delay or run_at, not both")])
    return _seconds(query["delay"], "#/delay", "delay")


def priority(query: Mapping[str, str]) -> str | None:
    """One of high, normal, low. Raises Invalid."""
    text = query.get("priority")
    if text is not None and text not in PRIORITIES:
        raise Invalid([wrong("#/priority", "priority is high, normal or low")])
    return text


def notify(request: Request, *, is_mail_taken: bool) -> MailAddress | None:
    """The address of `notify`, which is mailed at the job's end. Raises Invalid, also where no mail is sent."""
    if not request.scope["query_string"] or (text := request.query_params.get("notify")) is None:
        return None
    if not is_mail_taken:
        raise Invalid(
            [
                wrong(
                    "#/notify",
                    "this service sends no mail: leave notify out, or set SMTP_URL for web and worker",
                )
            ]
        )
    try:
        if len(request.query_params.getlist("notify")) > 1:
            raise ValueError("notify takes one address, and was given several")
        return read_mailto(text)
    except ValueError as error:
        raise Invalid([wrong("#/notify", str(error))]) from None


def cancel_after(request: Request) -> float | None:
    """The seconds of Cancel-After. Raises Invalid."""
    fields = request.headers.getlist("cancel-after")
    return _seconds(",".join(fields).strip(), "#", "Cancel-After") if fields else None


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key. Raises Invalid."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise Invalid([wrong("#", "Idempotency-Key is one value of 1 to 255 visible ASCII characters")])
    return keys[0]


def _seconds(text: str, pointer: str, name: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= number <= MOST_SECONDS:
        raise Invalid([wrong(pointer, f"{name} is a number of seconds from 0 to {MOST_SECONDS}")])
    return number
