"""The path below which a proxy shows all addresses: ROOT_PATH, or the server's `--root-path`."""

from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

_root: ContextVar[str] = ContextVar("root_path", default="")


def root() -> str:
    """The path in front of every address of the request under way; empty, or as `/sooner`."""
    return _root.get()


class Rooted:
    """Serves an application below a path, whether or not the proxy strips the path."""

    def __init__(self, app: ASGIApp, root: str) -> None:
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root, path = self._read(scope)
            _root.set(root)
            if root:
                scope = {**scope, "root_path": root, "path": root + path}
        await self._app(scope, receive, send)

    def _read(self, scope: Scope) -> tuple[str, str]:
        """The root, and the path below it."""
        server, path = scope.get("root_path", "").rstrip("/"), scope["path"]
        root = self._root or server
        # uvicorn prepends its own root to every path.
        path = _below(server, path)
        return root, _below(root, path)


def _below(root: str, path: str) -> str:
    return path[len(root) :] if root and path.startswith(root + "/") else path
