"""Environments for programs under test: nothing of the caller's settings leaks in."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = ("HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


def environment(settings: Mapping[str, str | None]) -> dict[str, str]:
    """The environment of a process that shall see these settings (None: leave it out) and our Python's programs."""
    programs = str(Path(sys.executable).parent)
    base: dict[str, str | None] = {name: os.environ[name] for name in KEPT if name in os.environ}
    base["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", os.defpath)])
    base["PYTHONUNBUFFERED"] = "1"
    return {name: value for name, value in {**base, **settings}.items() if value is not None}
