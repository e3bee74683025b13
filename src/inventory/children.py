"""Reads files in processes of their own, as many at once as there are processors.

A file made to be slow or large costs itself, and not the archive: CPython's parser can be held up for 20 s by 500 kB,
and nothing in the same process can stop it.
"""

import contextlib
import gc
import math
import os
import pickle
import resource
import select
import signal
import socket
import struct
import time
from collections import deque
from typing import NoReturn

from src.inventory.archives.limits import MIB
from src.inventory.reading import Answer, Task, answer

#: Smaller files are read in a fraction of a second, whatever is in them.
LARGE_BYTES = 64 * 1024
#: Processor seconds of one file, and of all that took more than they might.
FILE_SECONDS, WASTED_SECONDS = 5, 30
#: Seconds after which what is left of an archive is not read: a result without it is better than none.
ARCHIVE_SECONDS = 300
#: A child that a large file has grown by so much is replaced.
GROWN_KIB = 64 * 1024
#: Bytes and files that wait for a child, beyond which the archive is not read further.
_QUEUE_BYTES, _QUEUE_FILES = MIB, 256
_LENGTH = struct.Struct(">I")
_CHUNK = 256 * 1024


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Children:
    """Readers in up to `most` processes. A child that ends is replaced, and the file that ended it is unreadable."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._children: list[_Child] = []
        self._answers: list[Answer] = []
        self._wasted = 0
        self._end = time.monotonic() + ARCHIVE_SECONDS

    def put(self, task: Task) -> list[Answer]:
        """Hand the file to the child with the least to do; wait while all have much."""
        if reason := self._refusal(task):
            return [Answer(task.turn, task.path, None, reason)]
        self._idlest().give(task)
        self._exchange(wait=False)
        while self._idlest().is_full:
            self._exchange(wait=True)
        return self._taken()

    def rest(self) -> list[Answer]:
        """Wait until every child has answered."""
        while any(child.tasks for child in self._children):
            self._exchange(wait=True)
        return self._taken()

    def close(self) -> None:
        """Kill the children."""
        for child in self._children:
            child.end()
        self._children.clear()

    def _refusal(self, task: Task) -> str:
        """Why a file is not even tried."""
        if time.monotonic() > self._end:
            return f"came after the {ARCHIVE_SECONDS} s that reading an archive may take"
        if self._wasted >= WASTED_SECONDS and len(task.content) >= LARGE_BYTES:
            return "is large, and other large files have used up the time for such"
        return ""

    def _taken(self) -> list[Answer]:
        taken, self._answers = self._answers, []
        return taken

    def _idlest(self) -> "_Child":
        idlest = min(self._children, key=lambda child: child.waiting, default=None)
        if idlest is None or (idlest.tasks and len(self._children) < self._most):
            idlest = _Child()
            self._children.append(idlest)
        return idlest

    def _exchange(self, *, wait: bool) -> None:
        """Send and receive what can be sent and received."""
        busy = {child.socket: child for child in self._children if child.tasks}
        sending = [each for each, child in busy.items() if child.outgoing]
        readable, writable, _ = select.select(list(busy), sending, [], None if wait else 0)
        for each in writable:
            busy[each].send()
        for each in readable:
            if not busy[each].receive(self._answers):
                self._replace(busy[each])

    def _replace(self, child: "_Child") -> None:
        code = child.end()
        self._children.remove(child)
        tasks = child.tasks
        if code != 0 and tasks:
            task = tasks.popleft()
            self._answers.append(Answer(task.turn, task.path, None, self._reason(code)))
        if tasks:
            heir = _Child()
            self._children.append(heir)
            for task in tasks:
                heir.give(task)

    def _reason(self, code: int) -> str:
        # At the limit for the whole process the kernel kills.
        if code in {-signal.SIGPROF, -signal.SIGXCPU, -signal.SIGKILL}:
            self._wasted += _seconds()
            return f"takes more than {_seconds()} s of processor time to read"
        if code == -signal.SIGABRT:
            # As tree-sitter ends where there is no memory.
            return "needs more memory than there is to parse"
        if code in {-signal.SIGSEGV, -signal.SIGBUS}:
            return "crashes the parser"
        return "is too much for the parser"


class _Child:
    """One process and what it was given to read."""

    def __init__(self) -> None:
        self.socket, childs = socket.socketpair()
        self.tasks: deque[Task] = deque()
        self.outgoing = bytearray()
        self.waiting = 0
        self._incoming = bytearray()
        self._pid = os.fork()
        if self._pid == 0:
            self.socket.close()
            _live(childs)
        childs.close()
        self.socket.settimeout(0)

    @property
    def is_full(self) -> bool:
        return self.waiting > _QUEUE_BYTES or len(self.tasks) > _QUEUE_FILES

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        self.waiting += len(task.content)
        self.outgoing += _framed(task)

    def send(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            sent = self.socket.send(memoryview(self.outgoing)[:_CHUNK])
            del self.outgoing[:sent]

    def receive(self, answers: list[Answer]) -> bool:
        """Gather the answers that have come; False once the child has ended."""
        try:
            chunk = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        self._incoming += chunk
        while (message := _unframed(self._incoming)) is not None:
            self.waiting -= len(self.tasks.popleft().content)
            answers.append(Answer(*pickle.loads(message)))  # noqa: S301 - written by this program's own child
        return bool(chunk)

    def end(self) -> int:
        """Its exit code, or the negative number of the signal that ended it; kills it if it still runs."""
        self.socket.close()
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended:
            os.kill(self._pid, signal.SIGKILL)
            _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)


def _live(pipe: socket.socket) -> NoReturn:
    """The child's whole life: whatever happens, the parent's code does not run on in here."""
    code = 1
    try:
        _serve(pipe)
        code = 0
    finally:
        os._exit(code)


def _serve(pipe: socket.socket) -> None:
    # A syntax tree holds no circle, so that looking for garbage only takes time.
    gc.disable()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    at_first = _most_kib()
    count = 0
    with pipe.makefile("rb") as file:
        while head := file.read(_LENGTH.size):
            task = Task(*pickle.loads(file.read(*_LENGTH.unpack(head))))  # noqa: S301 - from the parent
            signal.setitimer(signal.ITIMER_PROF, _seconds())
            said = answer(task)
            signal.setitimer(signal.ITIMER_PROF, 0)
            pipe.sendall(_framed(said))
            count += 1
            if count % 500 == 0:
                gc.collect()
            if _most_kib() > at_first + GROWN_KIB or time.process_time() > _all_seconds() / 2:
                return


def _seconds() -> int:
    """What one file may take."""
    return int(min(FILE_SECONDS, _all_seconds()))


def _all_seconds() -> float:
    """What one process may take."""
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    return math.inf if most == resource.RLIM_INFINITY else most


def _most_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _framed(message: Task | Answer) -> bytes:
    content = pickle.dumps(tuple(message), protocol=pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(content)) + content


def _unframed(received: bytearray) -> bytes | None:
    """The first message, taken off, if it is there whole."""
    if len(received) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(received)
    end = _LENGTH.size + length
    if len(received) < end:
        return None
    message = bytes(received[_LENGTH.size : end])
    del received[:end]
    return message
