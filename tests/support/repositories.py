"""Git repositories behind HTTP, served by git's own `http-backend`."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.sites import Exchange

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


def git(folder: Path, *arguments: str) -> str:
    """What git prints, run in a folder."""
    done = subprocess.run(
        ["git", "-C", folder, *arguments], env=ENV, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, bytes], *, message: str = "files") -> str:
    """Adds a commit with these files to the repository in `folder`, made where there is none; its id."""
    if not (folder / ".git").exists():
        folder.mkdir(exist_ok=True)
        git(folder, "init", "--quiet", "--initial-branch=main")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def serve(exchange: Exchange, root: Path) -> None:
    """Answers a request for a repository below `root` as a CGI program does (RFC 3875)."""
    parts = urlsplit(exchange.path)
    headers = exchange.headers
    body = exchange.rfile.read(int(headers.get("Content-Length") or 0))
    done = subprocess.run(
        ["git", "http-backend"],
        input=body,
        capture_output=True,
        # It also fails when it has told the client of an error of the client's.
        check=False,
        env={
            **ENV,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": exchange.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        },
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(fields.pop("Status", "200").split()[0])
    fields.pop("Content-Length", None)
    exchange.answer(status, content, **{name.replace("-", "_"): text for name, text in fields.items()})
