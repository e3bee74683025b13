"""A piece of output as JSON."""

from typing import Any

from sooner.jobs import codec
from sooner.jobs.failure import Failure


class OutputNotJson(Failure):
    """A piece of output has no JSON text."""

    def __init__(self, piece: Any) -> None:
        detail = (
            f"A piece of output, a {type(piece).__name__}, is or holds what JSON does not have: put out texts, finite numbers, "
            "lists, dictionaries, or what pydantic can write."
        )
        super().__init__(detail, type="output-not-json", title="The output cannot be written as JSON")


def text_of(piece: Any) -> str:
    """The JSON text of a piece, without line breaks. Raises OutputNotJson."""
    try:
        return codec.result(piece)
    except codec.NotJson as error:
        raise OutputNotJson(piece) from error
