"""Which framework a project's file names."""

import re

from src.inventory.classes.facts import Settings

FILES = re.compile(r"(\.csproj|(^|/)Directory\.(Build|Packages)\.(props|targets)|(^|/)packages\.config)$")
_NAMES = (
    ("xunit", re.compile(rb"(?i)[\"']xunit")),
    ("nunit", re.compile(rb"(?i)[\"']nunit")),
    ("mstest", re.compile(rb"(?i)[\"']MSTest|Microsoft\.VisualStudio\.TestTools\.UnitTesting")),
)


def settings(content: bytes) -> Settings:
    """The frameworks that a project's file names."""
    return Settings(tuple(name for name, pattern in _NAMES if pattern.search(content)))
