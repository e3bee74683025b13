"""Becomes another program, within bounds. Run by its path, isolated: `launch.py PARENT MEMORY CPU FILE PROGRAM …`.

It replaces `preexec_fn`, which is not safe in a process with threads.
"""

import ctypes
import os
import resource
import signal
import sys

#: <linux/prctl.h>
PR_SET_PDEATHSIG = 1

#: Children run behind the processes that serve requests.
NICE = 10


def main(parent: str, memory: str, cpu: str, file: str, *command: str) -> None:
    """Set the bounds and become the program. Raises OSError where there is no such program."""
    _end_with(int(parent))
    _bound(resource.RLIMIT_AS, int(memory))
    _bound(resource.RLIMIT_CPU, int(cpu))
    _bound(resource.RLIMIT_FSIZE, int(file))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICE)
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    os.execvp(command[0], command)


def _end_with(parent: int) -> None:
    """Let the kernel kill this process when its parent is killed. Only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _bound(kind: int, most: int) -> None:
    if most:
        resource.setrlimit(kind, (most, most))


if __name__ == "__main__":
    main(*sys.argv[1:])
