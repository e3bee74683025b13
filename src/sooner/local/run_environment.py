"""What `./ops/exec` takes over from the `./ops/run` of the same checkout: its environment, in a file that only its owner reads."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sooner.local.exclusive import ENVIRONMENT, LOCK, MARK

if TYPE_CHECKING:
    from collections.abc import Mapping


class NotRunningError(Exception):
    """No run holds this checkout."""


def write(environment: Mapping[str, str], **more: str) -> None:
    """Writes the environment of the web process, and more: SOONER_URL and SOONER_KEY for the command line."""
    programs = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    kept = {**environment, "PATH": programs, **more}
    # Without the run's mark, for the end of the run must not end a person's commands.
    variables = {name: value for name, value in kept.items() if name not in MARK}
    half = ENVIRONMENT.with_suffix(".new")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(variables, file)
    half.replace(ENVIRONMENT)


def read() -> dict[str, str]:
    """The environment of the run in this checkout.

    Raises:
        NotRunningError: there is none, or it has not come up yet.
    """
    if not is_held(LOCK) or not ENVIRONMENT.exists():
        raise NotRunningError("no ./ops/run is up in this checkout: start it first")
    variables: dict[str, str] = json.loads(ENVIRONMENT.read_text())
    return variables


def is_held(lock: Path) -> bool:
    """Whether a process has the lock."""
    if not lock.exists():
        return False
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
