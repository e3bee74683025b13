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
    outside = builds.OLD
    plain = builds.PLAIN
    settings_files = builds.FILES

    def settings_of(self, path: str, content: bytes) -> Settings:
        """The frameworks that a build names."""
        return builds.settings(content)

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes of a file."""
        return read(parse("java", content))
