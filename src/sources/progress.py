"""How far a source has come."""

from collections.abc import Callable

#: Told a part of the whole, where it is known, and a word for a person.
Progress = Callable[[float | None, str], None]
