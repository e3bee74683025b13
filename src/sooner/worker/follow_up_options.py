"""dramatiq's options for pipelines, callbacks and groups."""

from typing import NoReturn

from dramatiq.middleware import Callbacks, GroupCallbacks, Middleware, Pipelines


class FollowUpOptions(Middleware):
    """Declares the options of dramatiq's Callbacks and Pipelines, and enqueues nothing itself.

    The statement that ends a job enqueues its follow-ups: enqueued sooner, a crash or a retry would send them twice.
    """

    @property
    def actor_options(self) -> set[str]:
        """The options that an actor may be declared with."""
        return {*Callbacks().actor_options, *Pipelines().actor_options}


class NoGroupCallbacks(GroupCallbacks):
    """Refuses a group with completion callbacks before it sends any message: the group's count would not survive a crash."""

    def __init__(self) -> None:
        """Needs no backend, since it counts nothing."""

    @property
    def rate_limiter_backend(self) -> NoReturn:
        """The backend that `group.run` asks for. Raises RuntimeError."""
        raise RuntimeError(
            "a group's completion callbacks are not supported: submit the jobs from a job of their own, which awaits"
            " `[await each.result() for each in await submit_all([…])]` and then goes on (from sooner import submit_all)"
        )
