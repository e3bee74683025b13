"""The language `java`."""

import re

from src.inventory.classes.facts import ClassFacts, Settings
from src.inventory.classes.language import ClassLanguage
from src.inventory.java.reader import read
from src.inventory.jvm import builds
from src.inventory.syntax.parsing import parse


class Java(ClassLanguage):
    """The language `java` with the frameworks `junit4`, `junit5` and `testng`."""

    name = "java"
    endings = (".java",)
    likely = re.compile(rb"Test|junit|@Theory")
    settings_files = builds.FILES

    def facts(self, path: str, content: bytes) -> ClassFacts | Settings | None:
        """The classes of a file, or what a build says."""
        if builds.FILES.search(path):
            return builds.settings(content)
        found = read(parse("java", content))
        return found if found.classes or found.first_error else None
