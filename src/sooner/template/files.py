"""The files of a new project: its own, and the files that it shares with the engine's checkout."""

from collections.abc import Iterator
from pathlib import Path

#: The shared files, in the engine's checkout; the wheel holds them beside the project's own files.
SHARED = (
    ".env.example",
    ".gitignore",
    "Procfile",
    "alembic/script.py.mako",
    "ops/__init__.py",
    "ops/exec",
    "ops/python.sh",
    "ops/run",
    "ops/setup.py",
    "ops/test",
    "src/actors/__init__.py",
    "src/api.py",
    "src/doctor.py",
    "src/keys.py",
    "src/scheduler.py",
    "src/schedules/__init__.py",
    "src/settings.py",
)


def engine() -> Path:
    """The folder of the engine."""
    return Path(__file__).parents[1]


def checkout() -> Path | None:
    """The engine's checkout; None where the engine was installed from a wheel."""
    top = engine().parents[1]
    return top if (top / "alembic" / "env.py").exists() and (top / "src" / "sooner").exists() else None


def files() -> Iterator[tuple[Path, Path]]:
    """Every file of a new project: its path in the project, and its source."""
    own = engine() / "template" / "project"
    for path in sorted(own.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(own), path
    top = checkout()
    if top is not None:
        yield from ((Path(name), top / name) for name in SHARED)
