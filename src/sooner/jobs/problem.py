"""The refusals of a call as one small tree of exceptions, each a problem document (RFC 9457)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from sooner.jobs import json_pointer

#: Of a field's name in a problem's `detail`: whoever wrote the request has it whole, under `errors`.
LONGEST_NAME: Final = 100


class Problem(Exception):
    """A refusal: the call changed nothing. `detail` is a sentence for a person."""

    status = 500
    type = "about:blank"
    title = "Internal error"

    def __init__(
        self, detail: str | None = None, *, retry_after: float | None = None, **members: Any
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.retry_after = retry_after
        self.members = members

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        detail = {} if self.detail is None else {"detail": self.detail}
        return {"type": self.type, "title": self.title, "status": self.status, **detail, **self.members}

    def headers(self) -> Mapping[str, str]:
        """The headers that go with it."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class BadRequest(Problem):
    status, type, title = 400, "bad-request", "The request cannot be read"


class Unauthorized(Problem):
    """`error` is the code of RFC 6750, section 3.1, where credentials were sent."""

    status, type, title = 401, "unauthorized", "No valid credentials"

    def __init__(self, detail: str, *, error: str | None = None) -> None:
        super().__init__(detail)
        self._error = error

    def headers(self) -> Mapping[str, str]:
        error = "" if self._error is None else f', error="{self._error}"'
        return {**super().headers(), "WWW-Authenticate": f'Bearer realm="sooner"{error}'}


class Forbidden(Problem):
    """`scope` is the scope that the credentials lack (RFC 6750, section 3.1)."""

    status, type, title = 403, "forbidden", "Not allowed with these credentials"

    def __init__(self, detail: str, *, scope: str | None = None) -> None:
        super().__init__(detail)
        self._scope = scope

    def headers(self) -> Mapping[str, str]:
        scope = "" if self._scope is None else f', scope="{self._scope}"'
        challenge = f'Bearer realm="sooner", error="insufficient_scope"{scope}'
        return {**super().headers(), "WWW-Authenticate": challenge}


class NotFound(Problem):
    status, type, title = 404, "not-found", "There is nothing here"


class MethodNotAllowed(Problem):
    """`allow` names the methods that the address takes, separated by commas."""

    status, type, title = 405, "method-not-allowed", "This address does not take this method"

    def __init__(self, allow: str) -> None:
        super().__init__(f"This address takes {allow}." if allow else None)
        self._allow = allow

    def headers(self) -> Mapping[str, str]:
        return {**super().headers(), "Allow": self._allow}


class WrongState(Problem):
    status, type, title = 409, "wrong-state", "The job's state does not allow this"


class NoSuchActor(WrongState):
    type, title = "no-such-actor", "No worker knows the actor"


class Gone(Problem):
    status, type, title = 410, "gone", "The job has expired"


class TooLarge(Problem):
    status, type, title = 413, "too-large", "The body is too large"


class UnsupportedMediaType(Problem):
    status, type, title = 415, "unsupported-media-type", "The body has a type or coding that is not taken"


class RangeNotSatisfiable(Problem):
    """`size` is the number of bytes of the representation."""

    status, type, title = 416, "range-not-satisfiable", "The range lies outside of the result"

    def __init__(self, size: int) -> None:
        super().__init__(f"There are {size} bytes.")
        self._size = size

    def headers(self) -> Mapping[str, str]:
        return {**super().headers(), "Content-Range": f"bytes */{self._size}"}


class JobFailed(Problem):
    """The job's own error, in answer to a request for its result."""

    status, type, title = 502, "failed", "The job failed"

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error.get("detail"))
        self.type, self.title = error.get("type", self.type), error.get("title", self.title)


class Invalid(Problem):
    """Parameters or query values that do not fit; `errors` says where (JSON pointers) and why."""

    status, type, title = 422, "invalid", "The request does not fit"

    def __init__(self, errors: Sequence[Mapping[str, str]], detail: str | None = None) -> None:
        super().__init__(detail or _naming(errors[0]), errors=list(errors))


class TooManyRequests(Problem):
    status, type, title = 429, "too-many-requests", "Too many requests"


class ServiceUnavailable(Problem):
    status, type, title = 503, "unavailable", "The service cannot take this now"


def wrong(pointer: str, detail: str) -> Mapping[str, str]:
    """One entry of `errors`. `pointer` is a JSON pointer in URI fragment form (RFC 6901, section 6)."""
    return {"pointer": pointer, "detail": detail}


def _naming(error: Mapping[str, str]) -> str:
    """The text of an entry of `errors`, with the name of its field in it."""
    name, text = ".".join(map(unquote, json_pointer.parts(error["pointer"]))), error["detail"]
    is_named = not name or text.startswith(f"{name} ") or f"'{name}'" in text
    return text if is_named else f"{_short(name)}: {text}"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
