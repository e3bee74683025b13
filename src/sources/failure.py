"""Why a source is not here."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from sooner.outgoing import Refused


class SourceFailed(Exception):
    """A source that was not brought here. `type` is for machines, `title` and `detail` are for people."""

    def __init__(self, type: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.type, self.title, self.detail = type, title, detail


def unauthorized() -> SourceFailed:
    detail = "The server wants other credentials: a `token` that may read it."
    return SourceFailed("source-unauthorized", "The source may not be read", detail)


def not_found(
    detail: str = "The server knows nothing at this address, or hides it from this `token`.",
) -> SourceFailed:
    return SourceFailed("source-not-found", "The source is not there", detail)


def too_large(most: int) -> SourceFailed:
    return SourceFailed(
        "source-too-large", "The source is too large", f"More than {most:,} bytes are not fetched."
    )


def unreachable(detail: str) -> SourceFailed:
    return SourceFailed("source-unreachable", "The source cannot be reached", detail)


def of_status(status: int) -> SourceFailed:
    """What an answer that is no success means."""
    if status in {401, 403, 407}:
        return unauthorized()
    if status in {404, 410}:
        return not_found()
    return SourceFailed("source-failed", "The source could not be read", f"The server answered {status}.")


@contextmanager
def told() -> Iterator[None]:
    """Makes SourceFailed of what goes wrong on the way out."""
    try:
        yield
    except Refused as refusal:
        raise SourceFailed("source-refused", "The address is refused", str(refusal)) from None
    except httpx.HTTPStatusError as error:
        raise of_status(error.response.status_code) from None
    except httpx.TimeoutException as error:
        raise unreachable(str(error) or "The server does not answer in time.") from None
    except httpx.HTTPError as error:
        raise unreachable(str(error) or type(error).__name__) from None
