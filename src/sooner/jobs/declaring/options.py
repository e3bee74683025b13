"""The options of a dramatiq message, beside its parameters."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

#: Milliseconds: dramatiq's own longest pause between attempts.
LONGEST_BACKOFF = 7 * 86_400_000
#: Options that need code or a datastore, neither of which a message in a table can carry.
REFUSED = {
    "on_retry_exhausted": "use on_failure, which comes when no attempt is left",
    "retry_when": "raise Failure(again=False) where no further attempt helps",
    "throws": "raise Failure(again=False) where no further attempt helps",
    "group_completion_callbacks": "let the last job of a pipeline follow, or submit from a job that waits",
}


class MessageOptions(BaseModel):
    """dramatiq's options of one message; times are milliseconds. Other options are kept for the actor and mean nothing here."""

    model_config = ConfigDict(extra="allow", strict=True)

    max_retries: int | None = Field(None, ge=0)
    min_backoff: int | None = Field(None, gt=0)
    max_backoff: int | None = Field(None, gt=0)
    time_limit: float | None = Field(None, gt=0)
    max_age: float | None = Field(None, gt=0)
    delay: float | None = Field(None, ge=0)
    on_success: str | None = None
    on_failure: str | None = None
    pipe_ignore: bool | None = None
    pipe_target: Mapping[str, Any] | None = None

    def pause(self, declared: Callable[[int], float], attempt: int) -> float:
        """Seconds between a failed attempt (the first is 1) and the next one."""
        longest = (self.max_backoff or LONGEST_BACKOFF) / 1000
        if self.min_backoff is None:
            return declared(attempt) if self.max_backoff is None else min(declared(attempt), longest)
        return min(longest, self.min_backoff / 1000 * 2.0 ** min(attempt - 1, 64))


#: The options of most messages.
NO_OPTIONS = MessageOptions()


def check_options(options: Mapping[str, Any]) -> MessageOptions:
    """The options, validated. Raises ValueError for an unsupported option, with the way to replace it."""
    if not options:
        return NO_OPTIONS
    for name, instead in REFUSED.items():
        if options.get(name) is not None:
            raise ValueError(f"the option {name} of a message is not supported: {instead}")
    try:
        return MessageOptions(**options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"the option {first['loc'][0]} of a message: {first['msg']}") from None
