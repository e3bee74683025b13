"""Lanes: each claim takes jobs from one lane."""

import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

#: The endings of a lane's name, in this order after the queue's name.
LAST, THREADED, LIMITED = ".last", ".threads", ".limited"

#: The endings of dramatiq's queues of delayed and dead messages.
DELAYED_OR_DEAD = (".DQ", ".XQ")

#: dramatiq's own rule.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")

#: dramatiq-pg's channel names are "dramatiq.NAME.enqueue"; PostgreSQL's are at most 63 bytes long.
LONGEST_QUEUE_NAME = 30


@dataclass(frozen=True)
class Lane:
    """A part of a queue whose jobs need the same resource, so that a backlog of one part does not hold up another."""

    queue: str
    #: Its jobs are on their last chance: they end at the next crash.
    is_last: bool = False
    #: Its jobs need a thread.
    is_threaded: bool = False
    #: Its jobs have a limit of concurrency or rate.
    is_limited: bool = False

    @cached_property
    def name(self) -> str:
        """The name in the table; `read` is the inverse."""
        return self.queue + LAST * self.is_last + THREADED * self.is_threaded + LIMITED * self.is_limited

    @classmethod
    @lru_cache(maxsize=256)
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
        """The lane in which this lane's jobs wait for their last chance: a worker takes them one at a time."""
        return replace(self, is_last=True, is_threaded=False)


def check_queue(name: str) -> None:
    """Raises ValueError for an unfit queue name, TypeError for what is no text."""
    if not isinstance(name, str):
        raise TypeError(f"a queue is named by a text, such as 'mail', not {name!r}")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"queue {name!r}: a name begins with a letter or _, and goes on with letters, digits, _, . and -, so call it {_plain(name)!r}"
        )
    if len(name) > LONGEST_QUEUE_NAME:
        shorter = name[:LONGEST_QUEUE_NAME].rstrip(".")
        raise ValueError(
            f"queue {name!r}: a name has at most {LONGEST_QUEUE_NAME} characters, so call it {shorter!r}"
        )
    for ending in (LAST, THREADED, LIMITED, *DELAYED_OR_DEAD):
        if name.endswith(ending):
            raise ValueError(
                f"queue {name!r}: names that end in {ending} are the queue's own parts, so call it {_plain(name)!r}"
            )


def _plain(name: str) -> str:
    """A similar name that fits."""
    spelt = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-") or "default"
    return (spelt if _NAME.fullmatch(spelt) else f"_{spelt}")[:LONGEST_QUEUE_NAME]
