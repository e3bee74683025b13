"""The project of a command: the folder in which it was started."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path.cwd()
DATA: Final = ROOT / ".data"
"""What a run keeps: PostgreSQL's data, keys, locks."""


class ProjectError(Exception):
    """The project's pyproject.toml cannot be used; the message says what to write."""


@dataclass(frozen=True)
class Sample:
    """The job by which a run shows that the service works.

    Args:
        actor: whose job it is.
        params: its parameters.
        upload: a folder whose files are packed and uploaded; the upload becomes the parameter of that name.
    """

    actor: str
    params: dict[str, Any] = field(default_factory=dict)
    upload: str | None = None


def sample() -> Sample | None:
    """`sample` under `[tool.sooner]` in pyproject.toml; None where it is missing.

    Raises:
        ProjectError: it is not of the form of `Sample`.
    """
    path = ROOT / "pyproject.toml"
    declared = tomllib.loads(path.read_text()) if path.exists() else {}
    found = declared.get("tool", {}).get("sooner", {}).get("sample")
    try:
        return None if found is None else Sample(**found)
    except TypeError as error:
        raise ProjectError(
            'pyproject.toml: [tool.sooner] sample = { actor = "NAME", params = { … } } is what it takes '
            f"({error})"
        ) from None
