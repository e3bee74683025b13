"""Reads files one after the other, in this process. See `children` for as many at once as there are processors."""

from typing import NamedTuple, Protocol

from src.inventory.languages import LANGUAGES
from src.inventory.unreadable import SourceUnreadable


class Task(NamedTuple):
    """A file to read: the number of its language, and its turn, by which a later file of the same path wins."""

    turn: int
    language: int
    path: str
    content: bytes


class Answer(NamedTuple):
    """What was read: the language's own summary, or the reason why there is none."""

    turn: int
    path: str
    summary: bytes | None
    reason: str = ""


class Readers(Protocol):
    """Takes files and, now or later, gives what was read from them."""

    def put(self, task: Task) -> list[Answer]:
        """Take one more file; gives the answers that are there."""
        ...

    def rest(self) -> list[Answer]:
        """All the answers that are not there yet."""
        ...

    def close(self) -> None:
        """End every process."""
        ...


def answer(task: Task) -> Answer:
    """Read one file."""
    try:
        return Answer(task.turn, task.path, LANGUAGES[task.language].read(task.path, task.content))
    except SourceUnreadable as error:
        return Answer(task.turn, task.path, None, str(error))


class Here:
    """Readers that are this process: without a bound on time or memory."""

    def put(self, task: Task) -> list[Answer]:
        """Read the file."""
        return [answer(task)]

    def rest(self) -> list[Answer]:
        """Nothing is ever left."""
        return []

    def close(self) -> None:
        """Nothing to end."""
