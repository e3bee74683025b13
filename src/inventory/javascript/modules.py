"""Which file a relative import means."""

import posixpath
from collections.abc import Container

_ENDINGS = (
    "",
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".cts",
    "/index.ts",
    "/index.js",
    "/index.tsx",
    "/index.mjs",
)
_MADE = {".js": (".ts", ".tsx"), ".mjs": (".mts",), ".cjs": (".cts",), ".jsx": (".tsx",)}


def resolved(path: str, module: str, files: Container[str]) -> str:
    """The file that a module imports as `./module`; "" if it is none of these files."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), module))
    stem, ending = posixpath.splitext(target)
    found = (target + each for each in _ENDINGS)
    compiled = (stem + each for each in _MADE.get(ending, ()))
    return next((each for each in (*found, *compiled) if each in files), "")
