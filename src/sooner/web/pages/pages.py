"""The pages a person sees, and the files they are made of."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from sooner.web import pages as web
from sooner.web.endpoint import Endpoint, endpoint, refuse_undeclared
from sooner.web.openapi.operation import IF_NONE_MATCH, Answer, Operation, Parameter

FOLDER = Path(web.__file__).parent

#: All the pages' code, styles and pictures are our own files (Content Security Policy Level 3; OWASP cheat sheet).
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SAFE = {
    "X-Content-Type-Options": "nosniff",
    # An address of a page may carry a job's capability.
    "Referrer-Policy": "no-referrer",
}
PAGE = {
    **SAFE,
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-cache",
}
FOREVER = "public, max-age=31536000, immutable"


def version_of(folder: Path) -> str:
    """A name for the contents of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


STATIC = FOLDER / "static"
VERSION = version_of(STATIC)


class VersionedFiles(StaticFiles):
    """Static files: caches keep them for ever under the address of their version, and ask again elsewhere.

    During a deploy, a page of one version may get the files of the other version's process.
    """

    def __init__(self, folder: Path, version: str | None = None) -> None:
        super().__init__(directory=folder)
        self._version = version

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        asked = scope.get("path_params", {}).get("version")
        response.headers.update(SAFE)
        response.headers["Cache-Control"] = (
            FOREVER if self._version is not None and asked == self._version else "no-cache"
        )
        return response


class Folder(Mount):
    """A folder of static files; `described` holds their descriptions for the API's, by path below the folder."""

    def __init__(self, path: str, files: VersionedFiles, described: Mapping[str, Operation]) -> None:
        super().__init__(path, GZipMiddleware(files))
        self.described = described

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        refuse_undeclared(Request(scope), FILE)
        await super().handle(scope, receive, send)


#: The operators' page keeps its view in its own address.
VIEW = tuple(
    Parameter(name, "query", "A part of the page's view.", {"type": "string"})
    for name in ("view", "state", "actor", "cursor", "job")
)


def _page(path: str, name: str, summary: str, parameters: tuple[Parameter, ...] = ()) -> Endpoint:
    text = (FOLDER / "pages" / f"{name}.html").read_text().replace("{static}", f"static/at/{VERSION}")

    async def page(request: Request) -> Response:
        return HTMLResponse(text, headers=PAGE)

    page.__name__, page.__doc__ = f"get_{name}_page", summary
    declare = endpoint(
        "GET",
        path,
        scope="public",
        tag="Pages",
        answers={200: Answer("The page.", media="text/html")},
        parameters=parameters,
    )
    return declare(page)


def _file(name: str, summary: str, media: str = "*/*") -> Operation:
    return Operation(
        name,
        tag="Pages",
        answers={
            200: Answer("The file.", media=media, headers=("ETag",)),
            304: Answer("The client has this version already.", headers=("ETag",)),
        },
        problems=(404,),
        parameters=(IF_NONE_MATCH,),
        scope="public",
        text=(summary.rstrip("."), ""),
    )


FILE = _file("get_file", "A file of the pages.")
CLIENT = _file("get_client", "The browser client, an ECMAScript module.", "text/javascript")


INDEX = _page("/", "index", "The page that submits a job.")
DASHBOARD = _page("/dashboard", "dashboard", "The operators' page.", VIEW)
OF_ONE_VERSION = Folder(
    "/static/at/{version}",
    VersionedFiles(STATIC, VERSION),
    {"{file}": _file("get_file_of_version", "A file of one version.")},
)
OF_ANY_VERSION = Folder("/static", VersionedFiles(STATIC), {"sooner.js": CLIENT, "{file}": FILE})
