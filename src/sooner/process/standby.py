"""Standby: a process that `./ops/run` starts ahead loads the engine, waits, and loads the team's modules when they have changed.

They exchange lines of JSON: the run says "load" and "serve", the process null or the error of its modules.
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

ENGINE: Final = Path(__file__).parents[1]
#: The lines shown of an error: the team's last frames with their source, and the exception's text.
MOST_FRAMES, MOST_WORDS = 3, 6

_run: Any = None
_is_loading = False


def wait() -> None:
    """Wait until the run says that the team's modules may load. The engine's modules are loaded before, and only once."""
    if SETTING not in os.environ or _run is not None:
        return
    _join()
    _hear("load")
    # There may be new modules since the folder was read, and a module saved twice in a second looks like its own bytecode.
    importlib.invalidate_caches()
    sys.dont_write_bytecode = True


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Wraps the loading of the team's modules: reports its outcome to the run, and waits for its turn. The outermost call counts."""
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
    """The last part of an error: the frames in the team's files, and the exception's text.

    The modules of packages that ACTORS and SCHEDULES name may lie anywhere.
    """
    frames = traceback.extract_tb(error.__traceback__)
    imports = [number for number, frame in enumerate(frames) if frame.filename == importlib.__file__]
    loaded = [frame for frame in frames[max(imports, default=-1) + 1 :] if not _is_engines(frame.filename)]
    own = [frame for frame in loaded if _is_in_project(frame.filename)] or loaded[:MOST_FRAMES]
    words = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
    if len(words) > MOST_WORDS:
        words = [*words[: MOST_WORDS - 1], f"… ({len(words) - MOST_WORDS + 1} more lines)"]
    return "".join(traceback.format_list(own[-MOST_FRAMES:])) + "\n".join(words)


def _is_engines(file: str) -> bool:
    return file.startswith("<frozen ") or Path(file).is_relative_to(ENGINE)


def _is_in_project(file: str) -> bool:
    return Path(file).is_relative_to(Path.cwd() / "src")


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
