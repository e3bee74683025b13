"""The sample job of a project, submitted as any client would."""

from __future__ import annotations

import asyncio
import io
import json
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

    from sooner.local.project import Sample

SKIPPED_FOLDERS = {".data", ".git", ".venv", "node_modules", "__pycache__"}
#: The characters of a result that are shown.
LONGEST = 300
FINAL = {"done", "error", "error_resolved", "cancelled"}


class SampleError(Exception):
    """The sample job was refused or did not end well; the message says how."""


@dataclass(frozen=True)
class SampleAnswer:
    """The sample job's result, with its duration and its way."""

    result: Any
    milliseconds: int
    deferred: bool

    def __str__(self) -> str:
        how = "deferred and followed" if self.deferred else "answered in the same exchange"
        return f"{in_short(self.result)}; {how}, {self.milliseconds} ms"


def in_short(result: Any) -> str:
    """A result on one line; an object with counts shows them alone."""
    counts = result.items() if isinstance(result, dict) else ()
    numbers = [f"{value} {name}" for name, value in counts if isinstance(value, int)]
    return ", ".join(numbers) or json.dumps(result, ensure_ascii=False)[:LONGEST]


async def run_sample(client: httpx.AsyncClient, sample: Sample, project: Path) -> SampleAnswer:
    """Submits the job and waits for its end.

    Args:
        client: an HTTP client of the service, with a key of scope `jobs`.
        sample: the job.
        project: the project's folder.

    Raises:
        SampleError: an answer was not what the contract promises.
    """
    params = dict(sample.params)
    if sample.upload is not None:
        archive = await asyncio.to_thread(pack, project / sample.upload)
        upload = expect(await client.post("/uploads", content=archive), httpx.codes.CREATED).json()
        params["upload"] = upload["id"]
    begun = time.monotonic()
    first = await client.post(f"/jobs/{sample.actor}", json=params, headers={"Prefer": "wait=25"})
    job = expect(first, httpx.codes.OK, httpx.codes.ACCEPTED).json()
    while job["state"] not in FINAL:
        job = await follow(client, job)
    if job["state"] != "done":
        raise SampleError(f"the sample job ended as {job['state']}: {job['error']}")
    milliseconds = round((time.monotonic() - begun) * 1000)
    return SampleAnswer(job["result"], milliseconds, deferred=first.status_code == httpx.codes.ACCEPTED)


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
    """The checkout's files as a tar.gz: the files that git lists, else all files but those that tools make."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz", compresslevel=3) as archive:
        for path in sorted(git_files(checkout) or walked_files(checkout)):
            if path.is_file() and not path.is_symlink():
                archive.add(path, arcname=Path("sooner") / path.relative_to(checkout), recursive=False)
    return memory.getvalue()


def git_files(checkout: Path) -> list[Path]:
    """The files that git lists, without ignored files; empty without git or outside of a repository."""
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
