"""The language `csharp`."""

import re

from src.inventory.classes.facts import ClassFacts, Settings
from src.inventory.classes.language import ClassLanguage
from src.inventory.csharp import projects
from src.inventory.csharp.conditions import without
from src.inventory.csharp.reader import read
from src.inventory.syntax.parsing import parse


class Csharp(ClassLanguage):
    """The language `csharp` with the frameworks `xunit`, `nunit` and `mstest`."""

    name = "csharp"
    endings = (".cs",)
    likely = re.compile(rb"Test|Fact|Theory|(?i:xunit)")
    settings_files = projects.FILES

    def settings_of(self, path: str, content: bytes) -> Settings:
        """The frameworks that a project names."""
        return projects.settings(content)

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes of a file."""
        # The grammar wants a line's end behind each directive, at the end of a file too.
        return read(parse("c_sharp", without(content) + b"\n"))
