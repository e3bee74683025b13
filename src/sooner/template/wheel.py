"""The wheel that a new project runs on."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sooner.template.files import SHARED, checkout


class NoWheelError(Exception):
    """There is no wheel of this engine; the message says what to do."""


@contextmanager
def wheel() -> Iterator[Path]:
    """The wheel of the engine that runs.

    Raises:
        NoWheelError: it lies nowhere any more.
    """
    top = checkout()
    if top is not None:
        yield _built(top)
        return
    if (path := _installed_from()) is not None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield _downloaded(Path(folder))


def _built(top: Path) -> Path:
    """The newest wheel in `dist/`, built again where a file of the checkout is newer."""
    if (found := _newest(top)) is not None and found.stat().st_mtime >= max(_changes(top)):
        return found
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run(
        [*pip, "--wheel-dir", str(top / "dist"), str(top)], check=False, capture_output=True, text=True
    )
    found = _newest(top)
    if done.returncode or found is None:
        raise NoWheelError(f"The wheel that a project runs on cannot be made:\n{done.stderr}")
    return found


def _newest(top: Path) -> Path | None:
    built = (top / "dist").glob("sooner-*.whl")
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def _changes(top: Path) -> Iterator[float]:
    """The times at which the files of the wheel were last written."""
    files = [top / "pyproject.toml", *(top / name for name in SHARED)]
    for folder in ("src/sooner", "alembic"):
        files += [path for path in (top / folder).rglob("*") if "__pycache__" not in path.parts]
    return (path.stat().st_mtime for path in files if path.is_file())


def _installed_from() -> Path | None:
    """The file from which the engine was installed (PEP 610), if it still exists."""
    source = json.loads(distribution("sooner").read_text("direct_url.json") or "{}")
    address = urlsplit(source.get("url", ""))
    path = Path(unquote(address.path))
    return path if address.scheme == "file" and path.suffix == ".whl" and path.exists() else None


def _downloaded(folder: Path) -> Path:
    try:
        wanted = f"sooner=={distribution('sooner').version}"
    except PackageNotFoundError:
        raise NoWheelError("The package sooner is not installed here.") from None
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), wanted]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = list(folder.glob("sooner-*.whl"))
    if done.returncode or not found:
        raise NoWheelError(
            f"The wheel of {wanted} cannot be found again: install sooner from its file, and keep that file."
        )
    return found[0]
