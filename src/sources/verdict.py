"""What git's complaints mean."""

import re
import signal

from src.sources.failure import (
    SourceFailed,
    not_found,
    too_large,
    unauthorized,
)

_NO_REF = re.compile(
    r"couldn't find remote ref|not our ref|unadvertised object|invalid refspec|bad object|no such remote ref"
)
_ALGORITHM = re.compile(
    r"mismatched algorithms|unsupported object.format|unknown hash algorithm", re.IGNORECASE
)
_DENIED = re.compile(
    r"Authentication failed|could not read Username|returned error: 40[13]|terminal prompts disabled"
)
_GONE = re.compile(r"returned error: 4(04|10)|repository '.*' not found")
_LARGE = re.compile(r"signal 25|File too large|No space left")
_AWAY = re.compile(
    r"Could not resolve|Failed to connect|Couldn't connect|timed out|too slow|hung up|early EOF"
    # libcurl-errors(3): connections that were not made, or lost.
    r"|returned error: (429|50[234])|curl (5|6|7|16|18|28|35|52|55|56|92)\b"
)


#: Of each file that git writes.
MOST_BYTES = 512 * 1024 * 1024


class Away(Exception):
    """The server did not answer this time; `str()` says how."""


def verdict(errors: str, ref: str | None) -> SourceFailed | Away:
    """Why a fetch of a ref failed, from git's standard error; None is the repository's HEAD."""
    if _NO_REF.search(errors) and ref is None:
        detail = "The repository is empty, or its default branch is not there: name a `ref` that is."
        return SourceFailed("source-ref-not-found", "The repository has no HEAD", detail)
    if _ALGORITHM.search(errors):
        detail = "The repository names its objects by SHA-256, which is not read here: give an archive of it."
        return SourceFailed("source-unsupported", "The repository is of another kind", detail)
    if _NO_REF.search(errors):
        detail = f"The repository has no branch, tag or commit {ref!r}; a commit is named by its whole id."
        return SourceFailed("source-ref-not-found", "The ref is not there", detail)
    if _DENIED.search(errors):
        return unauthorized()
    if _GONE.search(errors):
        return not_found()
    if _AWAY.search(errors) and not _LARGE.search(errors):
        return Away(_gist(errors))
    return failed(errors)


def failed(errors: str, code: int = 128) -> SourceFailed:
    """Why a command on a repository that is here failed."""
    if _LARGE.search(errors) or code == -signal.SIGXFSZ:
        return too_large(MOST_BYTES)
    return SourceFailed("source-failed", "The source could not be read", f"git: {_gist(errors)}")


def _gist(errors: str) -> str:
    """The line of git's that says most, bounded: much of it is the server's."""
    lines = [
        line for line in errors.splitlines() if line.startswith(("fatal:", "error:"))
    ] or errors.splitlines()
    return lines[0][:300] if lines else "no word of why"
