"""A limit on the processor time of processes: a control group of the kernel's (cgroups(7))."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

PERIOD_US = 100_000
#: The folder, and the file with the limit, of version 2 and of version 1.
KINDS = ((Path("/sys/fs/cgroup"), "cpu.max"), (Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us"))


@contextlib.contextmanager
def limited(processors: float, pids: Iterable[int]) -> Iterator[str]:
    """Let processes and their threads use so many processors together; yields the name of the means.

    Raises OSError where this user may make no control group.
    """
    found = [kind for kind in KINDS if (kind[0] / "cgroup.procs").exists()]
    if not found:
        raise OSError("there is no control group for processor time here")
    root, file = found[0]
    group = root / f"sooner-{os.getpid()}"
    group.mkdir()
    quota = round(processors * PERIOD_US)
    try:
        (group / file).write_text(f"{quota} {PERIOD_US}" if file == "cpu.max" else str(quota))
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield f"cgroup, {file}"
    finally:
        for member in (group / "cgroup.procs").read_text().split():
            (root / "cgroup.procs").write_text(member)
        group.rmdir()
