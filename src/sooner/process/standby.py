"""A process that `./ops/run` starts ahead of its turn: it loads the engine, waits, and loads the team's modules when they have changed.

A line of JSON each way: the run says "load" and "serve", the process null or why its modules cannot be loaded.
"""

import contextlib
import importlib
import json
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SETTING: Final = "SOONER_STANDBY"
"""The run's socket, in the environment of a process that it started; without it nothing here does anything."""

#: Of an error so many lines are shown: the team's last frames with their source, and the exception.
MOST_FRAMES, MOST_WORDS = 3, 6

_run: Any = None
_is_loading = False


def wait() -> None:
    """Wait until the team's modules are to be loaded. What the engine needs is loaded by then, and is not loaded again."""
    if SETTING not in os.environ or _run is not None:
        return
    _join()
    _hear("load")
    # Modules may have come since the folder was read, and one saved twice in a second looks like its own bytecode.
    importlib.invalidate_caches()
    sys.dont_write_bytecode = True


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Around what loads the team's modules: tells the run how it went, and waits for its turn. The outermost one counts."""
    global _is_loading  # noqa: PLW0603 - a process loads its modules once
    if SETTING not in os.environ or _is_loading:
        yield
        return
    _is_loading = True
    try:
        yield
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code == os.EX_CONFIG:
            raise
        _join()
        _say(described(error))
        _hear("never mind")
    _say(None)
    _hear("serve")
    del os.environ[SETTING]


def described(error: BaseException) -> str:
    """An error's last part: where it left the team's files, and what it says."""
    frames = traceback.extract_tb(error.__traceback__)
    imports = [number for number, frame in enumerate(frames) if frame.filename == importlib.__file__]
    own = [frame for frame in frames[max(imports, default=-1) + 1 :] if _is_own(frame.filename)]
    words = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
    if len(words) > MOST_WORDS:
        words = [*words[: MOST_WORDS - 1], f"… ({len(words) - MOST_WORDS + 1} more lines)"]
    return "".join(traceback.format_list(own[-MOST_FRAMES:])) + "\n".join(words)


def _is_own(file: str) -> bool:
    """Whether a file is the team's, and none of the engine's in its own checkout."""
    path = Path(file)
    here = Path.cwd() / "src"
    return path.is_relative_to(here) and not path.is_relative_to(here / "sooner")


def _join() -> None:
    global _run  # noqa: PLW0603 - there is one run
    if _run is None:
        line = socket.socket(socket.AF_UNIX)
        line.connect(os.environ[SETTING])
        _run = line.makefile("rw", encoding="utf-8")


def _hear(word: str) -> None:
    line = _run.readline()
    if not line or json.loads(line) != word:
        # The run has ended, or has no use for this process any more.
        os._exit(0)


def _say(outcome: str | None) -> None:
    _join()
    _run.write(json.dumps(outcome) + "\n")
    _run.flush()
