"""The Procfile: one line a process type, `name: shell command`.

https://devcenter.heroku.com/articles/procfile
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LINE = re.compile(r"(?P<name>[A-Za-z0-9_-]+):\s*(?P<command>.+)")


def read_procfile(path: Path) -> dict[str, str]:
    """The commands by process type, in the file's order.

    Raises:
        ValueError: a line is neither empty, a comment, nor `name: command`.
    """
    commands: dict[str, str] = {}
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if not match:
            raise ValueError(f"{path}, line {number}: not `name: command`")
        commands[match["name"]] = match["command"]
    return commands
