"""Scripts of other origins (Fetch standard, section 3.2)."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from sooner.jobs.problem import Forbidden
from sooner.web.http.problems import response

METHODS = ("GET", "HEAD", "POST", "DELETE")
EXPOSED = (
    *(
        "Location",
        "Retry-After",
        "Preference-Applied",
        "X-Request-ID",
        "Idempotency-Replayed",
        "ETag",
        "Link",
    ),
    *("Content-Disposition", "Content-Range", "Accept-Ranges", "WWW-Authenticate"),
)
REMEMBERED_SECONDS = 600


class Cors(CORSMiddleware):
    """Admits scripts of these origins; `*` is any. A browser sends no API key by itself, for keys are headers and no cookies."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=REMEMBERED_SECONDS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight, which carries no credentials; a refusal is a problem document."""
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        refusal = response(
            Forbidden("CORS_ALLOW_ORIGINS does not name this origin, or the method is none of ours.")
        )
        refusal.headers["Vary"] = answer.headers["Vary"]
        return refusal
