"""One `./ops/run` a checkout, which leaves no process behind, even where it was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from typing import TYPE_CHECKING, Final

import psutil

from sooner.local.project import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK: Final = {"SOONER_OPS_RUN": str(DATA)}
"""In the environment of every process started here, so that each can be told from all others."""


LOCK: Final = DATA / "run.lock"
ENVIRONMENT: Final = DATA / "environment.json"
"""What commands beside the run are told; see `sooner.local.run_environment`."""


class RunningError(Exception):
    """Another run holds this checkout."""


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Holds `.data/` for one run; kills marked processes before and after.

    Raises:
        RunningError: another run holds it.
    """
    DATA.mkdir(exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RunningError(
                f"./ops/run is already running in this checkout (process {lock.read()})"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        ENVIRONMENT.unlink(missing_ok=True)
        sweep()
        try:
            yield
        finally:
            sweep()


def sweep() -> None:
    """Ends every marked process: PostgreSQL with a fast shutdown, which loses nothing, all others at once."""
    left = [process for process in psutil.process_iter() if marked(process)]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGKILL)
    _, alive = psutil.wait_procs(left, timeout=2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=1)


def marked(process: psutil.Process) -> bool:
    """Whether a run of this checkout started the process."""
    ((name, value),) = MARK.items()
    try:
        return process.pid != os.getpid() and process.environ().get(name) == value
    except (psutil.Error, OSError):
        return False
