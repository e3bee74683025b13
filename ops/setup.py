"""Makes `.venv` from a lock, then becomes a program inside it.

    python -m ops.setup LOCK PYTHON-ARGUMENT…

Runs under whatever Python the machine has, so it imports the standard library alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
DATA = ROOT / ".data"


def main(arguments: Sequence[str]) -> None:
    lock, *rest = arguments
    try:
        with_environment(ROOT / lock)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    os.environ["VIRTUAL_ENV"] = str(ENVIRONMENT)
    os.environ["PATH"] = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", os.defpath)])
    os.execv(PYTHON, [str(PYTHON), *rest])


def with_environment(lock: Path) -> None:
    """Makes sure that `.venv` holds what the lock names; instant when it does.

    Raises:
        subprocess.CalledProcessError: venv or pip failed; they have said why.
    """
    DATA.mkdir(exist_ok=True)
    with (DATA / "setup.lock").open("w") as turn:
        # `./ops/run` and `./ops/test` share the environment and may start together.
        fcntl.flock(turn, fcntl.LOCK_EX)
        marker = ENVIRONMENT / f"installed-{lock.stem}"
        wanted = fingerprint(lock)
        if not works():
            create()
        elif marker.exists() and marker.read_text() != wanted:
            # Upgrading in place would leave behind what the new lock no longer names.
            create()
        if not marker.exists():
            install(lock)
            marker.write_text(wanted)
        add_engine()


def add_engine() -> None:
    """Lets `.venv` import an engine that lies in this checkout: `python -m sooner`, and tools that load no deployment first."""
    if not (ROOT / "src" / "sooner").exists():
        return
    [packages] = (ENVIRONMENT / "lib").glob("python*/site-packages")
    path = packages / "sooner.pth"
    wanted = f"{ROOT / 'src'}\n"
    if not path.exists() or path.read_text() != wanted:
        path.write_text(wanted)


def fingerprint(lock: Path) -> str:
    """Changes with the lock, with what a project's lock includes, and when the checkout moved: programs in `.venv/bin` hold its absolute path."""
    own = lock.with_name("requirements-own.txt")
    included = own.read_bytes() if own.exists() else b""
    return hashlib.sha256(lock.read_bytes() + included + os.fsencode(ENVIRONMENT)).hexdigest()


def works() -> bool:
    """Whether `.venv` has a Python that runs, is new enough and has pip."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def create() -> None:
    # Inside an activated environment the plain executable would be the one we are about to clear.
    base = getattr(sys, "_base_executable", None) or sys.executable
    print(f"Making .venv with Python {sys.version.split()[0]}", flush=True)
    made = subprocess.run(
        [base, "-m", "venv", "--clear", ENVIRONMENT], check=False, capture_output=True, text=True
    )
    if made.returncode:
        print(made.stdout + made.stderr, file=sys.stderr)
        print(
            "Could not make .venv; on Debian and Ubuntu the package python3-venv is needed", file=sys.stderr
        )
        made.check_returncode()


def install(lock: Path) -> None:
    print(f"Installing {lock.name} into .venv", flush=True)
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--quiet", "--no-input", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-user", "--require-hashes", "--requirement", str(lock)], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
