"""Making a new project."""

import hashlib
import re
import shutil
from pathlib import Path

from sooner.template.files import files
from sooner.template.wheel import wheel

#: Programs, by their place in the project.
PROGRAMS = {Path("ops/exec"), Path("ops/run"), Path("ops/test")}
LOCKS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")
#: What the code of the project imports.
OWN = "requirements-own.txt"
#: Files in which `{name}` stands for the project's.
NAMED = {Path("pyproject.toml"), Path("README.md")}


class NotNewError(Exception):
    """The folder cannot become a project; the message says why."""


def new(folder: Path) -> None:
    """Make a project that runs at once.

    Raises:
        NotNewError: something is there already, the name is none for a project, or the folder cannot be made.
        NoWheelError: the wheel that the project would run on cannot be had.
    """
    try:
        _make(folder)
    except OSError as error:
        raise NotNewError(f"{folder} cannot be made: {error.strerror}: {error.filename}.") from None


def _make(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise NotNewError(f"{folder} is not empty: name a folder that is not there yet.")
    name = folder.resolve().name
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
        raise NotNewError(f"{name!r} is no name for a project: letters, digits, and . _ - between them.")
    with wheel() as engine:
        for path, source in files():
            _write(folder / path, source, name if path in NAMED else None)
        (folder / "wheels").mkdir()
        shutil.copy(engine, folder / "wheels" / engine.name)
    for path in PROGRAMS:
        (folder / path).chmod(0o755)
    for lock in LOCKS:
        _pin(folder / lock, folder / "wheels" / engine.name)


def _write(target: Path, source: Path, name: str | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if name is None:
        shutil.copyfile(source, target)
    else:
        target.write_text(source.read_text().replace("{name}", name))


def _pin(lock: Path, engine: Path) -> None:
    """Adds the engine's wheel to a lock, with version and hash, and the project's own requirements."""
    version = engine.name.split("-")[1]
    digest = hashlib.sha256(engine.read_bytes()).hexdigest()
    pinned = f"--find-links wheels\nsooner=={version} \\\n    --hash=sha256:{digest}\n"
    lock.write_text(f"{pinned}{lock.read_text()}-r {OWN}\n")
