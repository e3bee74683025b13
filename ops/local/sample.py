"""The sample job: an inventory of this checkout's own tests, asked for as any client would."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

SKIPPED_FOLDERS = {".data", ".git", ".venv", "node_modules", "__pycache__"}
FINAL = {"done", "error", "error_resolved", "cancelled"}


class SampleError(Exception):
    """The sample job was refused or did not end well; the message says how."""


@dataclass(frozen=True)
class Answer:
    """The sample job's result and how it came."""

    result: dict[str, Any]
    milliseconds: int
    deferred: bool

    def __str__(self) -> str:
        counts = ", ".join(f"{self.result[what]} {what}" for what in ("files", "suites", "tests"))
        how = "deferred and followed" if self.deferred else "answered in the same exchange"
        return f"{counts}; {how}, {self.milliseconds} ms"


async def run_sample(client: httpx.AsyncClient, checkout: Path) -> Answer:
    """Packs the checkout, uploads it, has its tests counted and waits for the end.

    Args:
        client: an HTTP client of the service, with a key of scope `jobs`.
        checkout: the project's folder.

    Raises:
        SampleError: an answer was not what the contract promises.
    """
    archive = await asyncio.to_thread(pack, checkout)
    upload = expect(await client.post("/uploads", content=archive), httpx.codes.CREATED).json()
    begun = time.monotonic()
    first = await client.post(
        "/jobs/inventory_tests", json={"upload": upload["id"]}, headers={"Prefer": "wait=25"}
    )
    job = expect(first, httpx.codes.OK, httpx.codes.ACCEPTED).json()
    while job["state"] not in FINAL:
        job = await follow(client, job)
    if job["state"] != "done":
        raise SampleError(f"the sample job ended as {job['state']}: {job['error']}")
    milliseconds = round((time.monotonic() - begun) * 1000)
    return Answer(job["result"], milliseconds, deferred=first.status_code == httpx.codes.ACCEPTED)


async def follow(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job's document after its next change, or the same one when nothing changed for 25 s."""
    seen = expect(await client.get(job["urls"]["self"]), httpx.codes.OK)
    document: dict[str, Any] = seen.json()
    if document["state"] in FINAL:
        return document
    headers = {"Prefer": "wait=25", "If-None-Match": seen.headers.get("ETag", "")}
    changed = await client.get(job["urls"]["self"], headers=headers)
    if changed.status_code == httpx.codes.NOT_MODIFIED:
        return document
    return dict(expect(changed, httpx.codes.OK).json())


def expect(response: httpx.Response, *codes: int) -> httpx.Response:
    """The response if its status is one of the codes.

    Raises:
        SampleError: it is another.
    """
    if response.status_code not in codes:
        request = response.request
        answer = f"{response.status_code} {response.text[:500]}"
        raise SampleError(f"{request.method} {request.url.path} answered {answer}")
    return response


def pack(checkout: Path) -> bytes:
    """The checkout's files as a tar.gz: those git knows or would take up, else all but what tools make."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz", compresslevel=3) as archive:
        for path in sorted(git_files(checkout) or walked_files(checkout)):
            if path.is_file() and not path.is_symlink():
                archive.add(path, arcname=Path("sooner") / path.relative_to(checkout), recursive=False)
    return memory.getvalue()


def git_files(checkout: Path) -> list[Path]:
    """What git lists, ignored files left out; empty without git or outside a repository of its own."""
    if not (checkout / ".git").exists():
        return []
    command = ["git", "-C", str(checkout), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [checkout / os.fsdecode(name) for name in listed.split(b"\0") if name]


def walked_files(checkout: Path) -> Iterator[Path]:
    """Every file below the checkout, without the folders that tools make."""
    for folder, folders, files in os.walk(checkout):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        yield from (Path(folder, name) for name in files)
