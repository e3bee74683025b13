"""One file's share of the processor: a file made to be slow costs itself, and not the archive.

CPython's parser can be held up for 20 s by 500 kB, and nothing in the same process can stop it.
"""

import json
import os
import resource
import signal
import threading
from collections.abc import Callable
from typing import cast

from src.inventory.document import Entry
from src.inventory.python.source import SourceUnreadable

#: Smaller files are read in a fraction of a second, whatever is in them.
LARGE_BYTES = 64 * 1024
#: Processor seconds of one large file, and of all that took more than they might.
FILE_SECONDS, WASTED_SECONDS = 5, 30

_wasted = 0.0


def read(reader: Callable[[str, bytes], Entry], path: str, content: bytes) -> Entry:
    """What `reader` makes of a file, in a process of its own where the file is large. Raises SourceUnreadable."""
    # A fork of a process with threads could wait for a lock that nobody holds any more.
    if len(content) < LARGE_BYTES or threading.active_count() > 1:
        return reader(path, content)
    if _wasted >= WASTED_SECONDS:
        raise SourceUnreadable("is large, and other large files have used up the time for such")
    ours, childs = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(childs, reader, path, content)
    os.close(childs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    return _result(os.waitpid(child, 0)[1], said)


def _answer(pipe: int, reader: Callable[[str, bytes], Entry], path: str, content: bytes) -> None:
    """The child's whole life."""
    resource.setrlimit(resource.RLIMIT_CPU, (_seconds(), _seconds()))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    try:
        try:
            said: dict[str, object] = {"entry": reader(path, content)}
        except SourceUnreadable as error:
            said = {"reason": str(error)}
        with os.fdopen(pipe, "wb") as file:
            file.write(json.dumps(said).encode())
    except BaseException:  # noqa: BLE001 - whatever it is, the parent's code must not run on in here
        os._exit(1)
    os._exit(0)


def _seconds() -> int:
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    return FILE_SECONDS if most == resource.RLIM_INFINITY else min(FILE_SECONDS, most)


def _result(status: int, said: bytes) -> Entry:
    global _wasted  # noqa: PLW0603 - a process reads one archive
    if os.waitstatus_to_exitcode(status) in (-signal.SIGXCPU, -signal.SIGKILL):
        _wasted += _seconds()
        raise SourceUnreadable(f"takes more than {_seconds()} s of processor time to read")
    if status:
        raise SourceUnreadable("is too much for the parser")
    answer = json.loads(said)
    if "reason" in answer:
        raise SourceUnreadable(answer["reason"])
    return cast(Entry, answer["entry"])
