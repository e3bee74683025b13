"""dramatiq's options for pipelines and callbacks."""

from dramatiq.middleware import Callbacks, Middleware, Pipelines


class FollowUps(Middleware):
    """Declares the options that dramatiq's Callbacks and Pipelines declare; does nothing of what they do.

    What follows a job is enqueued by the statement that ends it: sooner, a crash or a retry would send it twice.
    """

    @property
    def actor_options(self) -> set[str]:
        """The options that an actor may be declared with."""
        return {*Callbacks().actor_options, *Pipelines().actor_options}
