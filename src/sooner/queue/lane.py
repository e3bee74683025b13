"""A lane: what a claim takes from."""

from dataclasses import dataclass, replace
from functools import cached_property

#: After the queue's name, in this order.
LAST, THREADED, LIMITED = ".last", ".threads", ".limited"

#: A delayed or dead message of dramatiq's lies in a queue of such a name.
DELAYED_OR_DEAD = (".DQ", ".XQ")

#: dramatiq-pg's channel names are "dramatiq.NAME.enqueue"; PostgreSQL's are at most 63 bytes long.
LONGEST_QUEUE_NAME = 30


@dataclass(frozen=True)
class Lane:
    """A queue, or the part of it whose jobs need another resource: none of them stands in another part's way."""

    queue: str
    #: Its jobs would not outlive another crash.
    is_last: bool = False
    #: Its jobs need a thread.
    is_threaded: bool = False
    #: Its jobs are limited in what may run at once or how often.
    is_limited: bool = False

    @cached_property
    def name(self) -> str:
        """As the table has it. `read` is the way back."""
        return self.queue + LAST * self.is_last + THREADED * self.is_threaded + LIMITED * self.is_limited

    @classmethod
    def read(cls, name: str) -> "Lane":
        """The lane of a name."""
        rest = name.removesuffix(LIMITED)
        queue_and_last = rest.removesuffix(THREADED)
        queue = queue_and_last.removesuffix(LAST)
        return cls(
            queue,
            is_last=queue != queue_and_last,
            is_threaded=queue_and_last != rest,
            is_limited=rest != name,
        )

    @property
    def last(self) -> "Lane":
        """Where this lane's jobs wait for their last chance: a worker takes them one at a time."""
        return replace(self, is_last=True, is_threaded=False)


def check_queue(name: str) -> None:
    """Raises ValueError for a queue's name that cannot hold."""
    if len(name.encode()) > LONGEST_QUEUE_NAME:
        raise ValueError(f"queue {name!r}: at most {LONGEST_QUEUE_NAME} bytes")
    for ending in (LAST, THREADED, LIMITED, *DELAYED_OR_DEAD):
        if name.endswith(ending):
            raise ValueError(
                f"queue {name!r}: names that end in {ending} are the queue's own parts, so call it {_plain(name)!r}"
            )


def _plain(name: str) -> str:
    """A name close to this one that reads as nothing else."""
    return name.strip(".").replace(".", "-") or "default"
