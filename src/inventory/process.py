"""`python -m src.inventory` as a child process, for whoever must not wait for a parser."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sooner.process import logs
from sooner.process.child import Bounds, Child, OutputTooLarge
from src.inventory.archives.limits import MIB
from src.inventory.survey import Progress

log = logs.get(__name__)

ROOT = Path(__file__).parents[2]

#: The memory is the command's own to bound: it tells what did not fit.
BOUNDS = Bounds(cpu_seconds=120, output_bytes=32 * MIB)

#: Parsing is all work: more at once would only make each take longer.
_slots = asyncio.Semaphore(max(2, os.cpu_count() or 1))

_RESULT, _PROGRESS, _ERROR = b'{"result": ', b'{"progress": ', b'{"error": '


class InventoryFailed(Exception):
    """No inventory came of it. `type` is for machines, `title` and `detail` are for people."""

    def __init__(self, type: str, title: str, detail: str) -> None:
        super().__init__(detail)
        self.type, self.title, self.detail = type, title, detail


class Base(NamedTuple):
    """The archive that an inventory is compared with: that of a commit, which `ref` names."""

    archive: Path
    ref: str
    commit: str | None


async def take(
    archive: Path, *, progress: Progress, commit: str | None = None, base: Base | None = None
) -> bytes:
    """The inventory of an archive as JSON, compared with a base; cancelled, it leaves no process.

    At most one a processor runs at the same time, the others wait. Raises InventoryFailed.
    """
    command = [sys.executable, "-m", "src.inventory", str(archive), *_options(commit, base)]
    bounds = replace(BOUNDS, cpu_seconds=BOUNDS.cpu_seconds * 2) if base else BOUNDS
    async with _slots, Child.start(command, env={"LANG": "C.UTF-8"}, cwd=ROOT, bounds=bounds) as child:
        result = await _result(child, progress)
        code = await child.wait()
    if result is not None and code == 0:
        return result
    raise _broken(code, child.errors, bounds.cpu_seconds)


def _options(commit: str | None, base: Base | None) -> list[str]:
    given = {"commit": commit}
    if base is not None:
        given |= {"base": str(base.archive), "base-ref": base.ref, "base-commit": base.commit}
    return [f"--{name}={value}" for name, value in given.items() if value]


async def _result(child: Child, progress: Progress) -> bytes | None:
    try:
        async for line in child.lines():
            if line.startswith(_RESULT):
                return line.removeprefix(_RESULT).removesuffix(b"}\n")
            if line.startswith(_PROGRESS):
                said = json.loads(line)["progress"]
                progress(said["fraction"], said["message"])
            elif line.startswith(_ERROR):
                raise InventoryFailed(**json.loads(line)["error"])
    except OutputTooLarge:
        detail = f"The inventory is longer than {BOUNDS.output_bytes // MIB} MiB."
        raise InventoryFailed("inventory-too-large", "The inventory is too large", detail) from None
    return None


def _broken(code: int, errors: str, cpu_seconds: int) -> InventoryFailed:
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        detail = f"Reading the archive took more than {cpu_seconds} s of processor time, or too much memory."
        return InventoryFailed("inventory-too-costly", "The archive takes too much to read", detail)
    log.error("inventory broken", code=code, errors=errors)
    detail = (
        f"The process that read the archive ended with {code}: something in it was too much for the parser."
    )
    return InventoryFailed("inventory-broken", "The archive could not be read", detail)
