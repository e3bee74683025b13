"""The language `kotlin`."""

import re

from src.inventory.classes.facts import ClassFacts, Settings
from src.inventory.classes.language import ClassLanguage
from src.inventory.jvm import builds
from src.inventory.kotlin.reader import read
from src.inventory.kotlin.spelling import plain, separated
from src.inventory.kotlin.styles import STYLES
from src.inventory.syntax.parsing import Source, parse


class Kotlin(ClassLanguage):
    """The language `kotlin` with the frameworks `junit4`, `junit5`, `testng`, `kotlin-test` and `kotest`."""

    name = "kotlin"
    endings = (".kt",)
    likely = re.compile(rb"Test|Spec|junit|kotest|@Theory")
    roots = re.compile("|".join(STYLES))
    outside = re.compile(rf"Spec$|{builds.OLD.pattern}")
    plain = builds.PLAIN
    settings_files = builds.FILES

    def settings_of(self, path: str, content: bytes) -> Settings:
        """The frameworks that a build names."""
        return builds.settings(content)

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes of a file, and the tests that its functions make."""
        return read(_source(content))


def _source(content: bytes) -> Source:
    spelled = plain(content)
    root = parse("kotlin", spelled).root
    if root.has_error:
        again = parse("kotlin", separated(spelled)).root
        root = root if again.has_error else again
    return Source(root, content)
