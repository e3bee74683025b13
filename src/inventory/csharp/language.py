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

    def facts(self, path: str, content: bytes) -> ClassFacts | Settings | None:
        """The classes of a file, or what a project says."""
        if projects.FILES.search(path):
            return projects.settings(content)
        # The grammar wants a line's end behind each directive, at the end of a file too.
        found = read(parse("c_sharp", without(content) + b"\n"))
        return found if found.classes or found.first_error else None
