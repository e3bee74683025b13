"""What a `Cargo.toml` says of its package: the files at which its crates begin, and whether their tests run."""

import posixpath
import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

NAME = "Cargo.toml"


class _Kind(NamedTuple):
    """Targets that Cargo looks for in a folder, unless a manifest's key says no."""

    folder: str
    key: str


_KINDS = {
    "bin": _Kind("src/bin", "autobins"),
    "test": _Kind("tests", "autotests"),
    "example": _Kind("examples", "autoexamples"),
    "bench": _Kind("benches", "autobenches"),
}


class Target(NamedTuple):
    """A crate as a manifest declares it. `path` is relative to its folder, or empty."""

    kind: str
    name: str = ""
    path: str = ""
    is_tested: bool | None = None
    has_harness: bool = True


class Manifest(NamedTuple):
    """A package: its declared targets, and the kinds that are not looked for in folders."""

    targets: tuple[Target, ...] = ()
    not_looked_for: tuple[str, ...] = ()


class Root(NamedTuple):
    """The file of a crate whose tests are asked for."""

    path: str
    name: str
    has_harness: bool


def manifest(content: bytes) -> Manifest | None:
    """The package of a manifest; None if it has none, or cannot be read."""
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    package = document.get("package", document.get("project"))
    if not isinstance(package, dict):
        return None
    library = [Target("lib")] if "lib" not in document else []
    declared = [_target(kind, each) for kind in ("lib", *_KINDS) for each in _tables(document, kind)]
    off = (name for name, kind in _KINDS.items() if package.get(kind.key) is False)
    return Manifest((*library, *declared), tuple(off))


def roots(folder: str, package: Manifest, paths: Sequence[str]) -> Iterator[Root]:
    """The crates of a package whose tests run. `paths` are the files in its folder, relative to that."""
    there = set(paths)
    declared = {path: each for each in package.targets if (path := _path(each, there))}
    found = {
        path: Target(kind, name)
        for kind, name, path in _in_folders(paths)
        if kind not in package.not_looked_for
    }
    for path, target in {**found, **declared}.items():
        is_tested = target.kind not in {"example", "bench"} if target.is_tested is None else target.is_tested
        if is_tested:
            yield Root(posixpath.join(folder, path), target.name or target.kind, target.has_harness)


def _tables(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = document.get(kind, [])
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, dict)]


def _target(kind: str, table: dict[str, Any]) -> Target:
    tested = table.get("test")
    return Target(
        kind=kind,
        name=str(table.get("name", "")),
        path=posixpath.normpath(str(table["path"])) if "path" in table else "",
        is_tested=tested if isinstance(tested, bool) else None,
        has_harness=table.get("harness") is not False,
    )


def _path(target: Target, there: set[str]) -> str:
    """The file of a declared target; empty if it is not there."""
    if target.path:
        tried: tuple[str, ...] = (target.path,)
    elif target.kind == "lib":
        tried = ("src/lib.rs",)
    else:
        folder = _KINDS[target.kind].folder
        tried = (
            f"{folder}/{target.name}.rs",
            f"{folder}/{target.name}/main.rs",
            "src/main.rs" if target.kind == "bin" else "",
        )
    return next((each for each in tried if each in there), "")


def _in_folders(paths: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The crates that Cargo finds by where they lie: kind, name, path."""
    if "src/main.rs" in paths:
        yield "bin", "main", "src/main.rs"
    for kind, (folder, _) in _KINDS.items():
        pattern = re.compile(rf"{folder}/([^/]+?)(?:\.rs|/main\.rs)")
        for path in paths:
            if found := pattern.fullmatch(path):
                yield kind, found[1], path
