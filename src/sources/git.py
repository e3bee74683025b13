"""The `git` program, with all that could reach out of its folder switched off."""

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from sooner.process.child import Bounds, OutputTooLarge, run
from src.sources.failure import SourceFailed
from src.sources.verdict import MOST_BYTES, failed

MIB = 1024 * 1024
BOUNDS = Bounds(memory_bytes=2048 * MIB, cpu_seconds=120, file_bytes=MOST_BYTES, output_bytes=MIB)

#: The first that takes addresses for a name (`http.curloptResolve`), and so can be held to those that were checked.
PINNING = (2, 37)

#: A slow server keeps a slot for long, a processor hardly at all.
_slots = asyncio.Semaphore(8)

SETTINGS = {
    # Nothing runs, nothing is asked for, nothing is stored.
    "core.hooksPath": os.devnull,
    "credential.helper": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # Nowhere else than to the address that was checked.
    "http.followRedirects": "false",
    "http.proxy": "",
    "transfer.bundleURI": "false",
    "submodule.recurse": "false",
    # Slower than 1 kB/s for half a minute is nothing to wait for.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    # One pack on disk, whose size is bounded, and little in memory.
    "fetch.unpackLimit": "1",
    "pack.threads": "1",
    "core.bigFileThreshold": "1m",
    "core.packedGitLimit": "256m",
    "core.packedGitWindowSize": "16m",
}


async def git(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None, protocols: str = ""
) -> tuple[int, str, str]:
    """Run git in a folder: exit code, standard output, standard error.

    settings: more of git's configuration; like all of it, in the environment and never on the command line.
    protocols: those it may speak, colon-separated.
    """
    command = ["git", "--git-dir", str(folder / "repository"), *arguments]
    env = _environment(folder, {**SETTINGS, **(settings or {})}, protocols)
    try:
        async with _slots:
            code, output, errors = await run(command, env=env, cwd=folder, bounds=BOUNDS)
    except OutputTooLarge:
        raise SourceFailed("source-failed", "The source could not be read", "git said too much.") from None
    return code, output.decode(errors="replace").strip(), errors


async def output(folder: Path, *arguments: str) -> str:
    """What git says. Raises SourceFailed when it fails."""
    code, output, errors = await git(folder, *arguments)
    if code != 0:
        raise failed(errors, code)
    return output


def _environment(home: Path, settings: Mapping[str, str], protocols: str) -> dict[str, str]:
    numbered = enumerate(settings.items())
    pairs = {
        f"GIT_CONFIG_{what}_{n}": text
        for n, pair in numbered
        for what, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    authorities = os.environ.get("SSL_CERT_FILE")
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": protocols,
        **({"GIT_SSL_CAINFO": authorities} if authorities else {}),
        "GIT_CONFIG_COUNT": str(len(settings)),
        **pairs,
    }


async def check(folder: Path) -> None:
    """Whether there is a git that can be held to an address. Raises SourceFailed."""
    title = "Git repositories are not read here"
    if shutil.which("git") is None:
        raise SourceFailed(
            "git-missing", title, "This deployment's workers have no git program; give an archive."
        )
    _, output, _ = await git(folder, "version")
    version = tuple(map(int, re.findall(r"\d+", output)[:2]))
    if version < PINNING:
        detail = f"This deployment's workers have {output}; {'.'.join(map(str, PINNING))} or later is needed."
        raise SourceFailed("git-too-old", title, detail)
