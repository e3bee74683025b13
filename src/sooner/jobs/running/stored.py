"""The stored message of a claimed job: its parameters and options."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import dramatiq

from sooner.jobs import codec
from sooner.jobs.declaring.declare import JobActor, Misfit, doubling
from sooner.jobs.declaring.options import NO_OPTIONS, MessageOptions, check_options
from sooner.jobs.failure import Failure
from sooner.jobs.problem import wrong
from sooner.queue.broker import message_of


class Unreadable(Failure):
    """The message is malformed."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, type="unreadable-message", title="The message cannot be read")


class TooOld(Failure):
    """The message's `max_age` had passed when the attempt began."""

    def __init__(self, seconds: float) -> None:
        detail = f"The job did not begin within {seconds:g} s, the max_age of its message."
        super().__init__(detail, type="too-old", title="The job waited too long", again=False)


class StoredMessage:
    """Reads each part of the message at its first use: most jobs never need most parts."""

    def __init__(self, row: Mapping[str, Any], actor: "dramatiq.Actor[Any, Any]") -> None:
        self._row = row
        self._actor = actor
        self._declared = actor if isinstance(actor, JobActor) else None

    @cached_property
    def _said(self) -> dict[str, Any]:
        members: dict[str, Any] = codec.loads(self._row["message"])
        return members

    @cached_property
    def _members(self) -> dict[str, Any]:
        members = self._said
        if members.get("unchecked") and not isinstance(members.get("kwargs"), dict):
            raise Misfit([wrong("#", "an object is needed")])
        if not isinstance(members.get("args"), list) or not isinstance(members.get("kwargs"), dict):
            raise Unreadable("The message has no args that are an array, or no kwargs that are an object.")
        return members

    @property
    def args(self) -> tuple[Any, ...]:
        """Parameters by position. Raises Unreadable, Misfit."""
        return tuple(self._members["args"])

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """Parameters by name, marks in the place of secrets. Raises Unreadable, Misfit."""
        kwargs: Mapping[str, Any] = self._members["kwargs"]
        return kwargs

    @cached_property
    def message(self) -> "dramatiq.Message[Any]":
        """The message as dramatiq's object; a task on the loop never needs it. Raises Unreadable, Misfit."""
        options = dict(self._members.get("options") or {})
        return message_of(self._row, self._members["kwargs"], self.args, options)

    @cached_property
    def options(self) -> MessageOptions:
        """The message's options. Raises Unreadable, Misfit."""
        try:
            return check_options(self._members.get("options") or {})
        except (TypeError, ValueError) as error:
            raise Unreadable(str(error)) from None

    @property
    def options_or_none(self) -> MessageOptions:
        """The message's options; none where they cannot be read."""
        try:
            return self.options
        except Exception:  # noqa: BLE001 - the job fails later, when its parameters are read
            return NO_OPTIONS

    @property
    def asks_for_more(self) -> bool:
        """Whether the message or its actor has options: most have none. Raises Unreadable, Misfit."""
        return self.options is not NO_OPTIONS or bool(self._actor.options)

    @property
    def was_checked(self) -> bool:
        """Whether web accepted the parameters, by a version of the actor that other workers may have."""
        return self._row["tenant"] is not None and not self._said.get("unchecked")

    @property
    def time_limit(self) -> float | None:
        """The most seconds that an attempt may take."""
        if (asked := self.options_or_none.time_limit) is not None:
            return asked / 1000
        return None if self._declared is None else self._declared.declaration.time_limit

    @property
    def retries(self) -> int:
        """The number of further attempts after a failed one."""
        if (asked := self.options_or_none.max_retries) is not None:
            return asked
        return 0 if self._declared is None else self._declared.declaration.retries

    def pause(self, attempt: int) -> float:
        """Seconds between a failed attempt (the first is 1) and the next one."""
        return self.options_or_none.pause(
            doubling if self._declared is None else self._declared.pause, attempt
        )

    def refuse_unfit(self) -> None:
        """Raises Unreadable for unsupported options, TooOld for a job past its `max_age`."""
        if (most := self.options.max_age) is not None and self._row["age"] > most / 1000:
            raise TooOld(most / 1000)
