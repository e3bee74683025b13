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

from sooner.template.files import checkout


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
    built = sorted((top / "dist").glob("sooner-*.whl"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise NoWheelError(
            "This is the engine's own checkout: `uv build` makes the wheel that a project runs on."
        )
    return built[-1]


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
