"""The language `php`."""

import re
from collections.abc import Iterable

from src.inventory.classes.facts import Class, ClassFacts, Settings
from src.inventory.classes.kin import Kin
from src.inventory.classes.language import ClassLanguage
from src.inventory.classes.scope import Scope
from src.inventory.php import configuration
from src.inventory.php.reader import read
from src.inventory.syntax.language import NEVER_ENTERED
from src.inventory.syntax.parsing import parse


class Php(ClassLanguage):
    """The language `php` with the frameworks `phpunit` and `pest`."""

    name = "php"
    endings = (".php",)
    likely = re.compile(
        rb"(?m)TestCase|function test|#\[[^\]\n#]*Test|@test\b|\b(?:class|trait|extends) +[\w\\]*Test"
        rb"|^[ \t]*\\?(?:it|test|describe|todo|arch)\("
    )
    roots = re.compile(r"TestCase")
    outside = re.compile(r"Test(Case|Base)?$|TestCase$")
    never_entered = (*NEVER_ENTERED, "vendor")
    settings_files = configuration.FILES

    def settings_of(self, path: str, content: bytes) -> Settings:
        """What a configuration says."""
        return configuration.settings(path, content)

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes and calls of a file."""
        return read(parse("php", content))

    def collected(self, path: str, facts: ClassFacts, scope: Scope) -> ClassFacts:
        """What PHPUnit's configuration lets run: of a file, the class that is named like it."""
        collects = scope.collects(path)
        if collects is None:
            collects = path.endswith("Test.php")
        if not collects:
            classes = tuple(each._replace(is_abstract=True) for each in facts.classes)
            return facts._replace(classes=classes, cases=(), suites=0)
        return facts._replace(classes=tuple(_loaded(path, facts.classes)))

    def framework(self, path: str, facts: ClassFacts, kin: Kin, scope: Scope) -> str:
        """Calls are Pest's if the file or its package says so, or by the file's name; classes are PHPUnit's."""
        if not facts.cases:
            return "phpunit"
        is_pest = facts.framework == "pest" or "pest" in scope.frameworks(path) or path.endswith("Test.php")
        return "pest" if is_pest else ""


def _loaded(path: str, classes: Iterable[Class]) -> Iterable[Class]:
    """PHPUnit loads the class that has the file's name; all of them if none has."""
    name = path.rpartition("/")[2].partition(".")[0]
    if not any(each.name == name for each in classes):
        return classes
    return [each if each.name == name else each._replace(is_abstract=True) for each in classes]
