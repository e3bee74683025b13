"""One wanted entry of an archive."""

import re
from dataclasses import dataclass

from src.inventory.archives.refusal import UnsafePath

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Member:
    """A path with its content, or with the reason why the content is not there (`problem`)."""

    path: str
    content: bytes = b""
    problem: str | None = None


def safe_path(name: str, longest: int) -> str:
    r"""The entry's name as a relative path with single slashes; "" for the folder itself.

    Bytes that are no UTF-8 (tar keeps them as lone surrogates) become `\xNN`, so that the path can be
    written as JSON. Raises UnsafePath for an absolute path, a `..`, a NUL, or more than `longest` bytes.
    """
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    parts = re.split(r"[/\\]", name)
    if "\0" in name:
        raise UnsafePath(f"The path {shown[:200]!r} holds a NUL byte.")
    if _ABSOLUTE.match(name):
        raise UnsafePath(f"The path {shown[:200]!r} is absolute; only paths inside the folder are taken.")
    if ".." in parts:
        raise UnsafePath(f"The path {shown[:200]!r} holds '..' and may leave the archive's folder.")
    if len(shown.encode()) > longest:
        raise UnsafePath(f"The path {shown[:80]!r}… is longer than {longest:,} bytes.")
    return "/".join(part for part in shown.split("/") if part not in ("", "."))
