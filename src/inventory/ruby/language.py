"""The language `ruby`."""

import re
from collections.abc import Iterator

from src.inventory.classes.facts import Class, ClassFacts, Settings
from src.inventory.classes.kin import Kin
from src.inventory.classes.language import ClassLanguage
from src.inventory.classes.scope import Scope
from src.inventory.ruby import builds
from src.inventory.ruby.reader import MADE, SHARED_NAME, Reader
from src.inventory.syntax.facts import FileFacts
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import NEVER_ENTERED
from src.inventory.syntax.parsing import parse

_TEST_FILE = re.compile(r"(?:_(?:test|tests|spec)|(?:^|/)(?:test|tests|tc|spec)_[^/]*)\.rb$")
_TEMPLATE = re.compile(r"/generators/(?:.*/)?templates/")


class Ruby(ClassLanguage):
    """The language `ruby` with the frameworks `rspec`, `minitest` and `test-unit`."""

    name = "ruby"
    endings = (".rb",)
    likely = re.compile(
        rb"\b[xf]?(?:describe|context|feature)\b|\bshared_(?:examples|context)|\bdef test|\btest[ (]['\"]|\bshould[ (]['\"]"
        rb"|TestCase\b|\bMini[Tt]est\b|\bTest::Unit\b|\bRSpec\b|\bclass [\w:]+ *< *[\w:]*(?:Test|Case|Spec)\b|require ['\"](?:rspec|minitest|test/unit)"
    )
    roots = re.compile(r"TestCase|Test|Spec|IntegrationTest|SystemTestCase")
    outside = re.compile(r"Test(Case|Base)?$|TestCase$")
    never_entered = (*NEVER_ENTERED, "vendor")
    settings_files = builds.FILES

    def wants(self, path: str) -> bool:
        """Whether it is a source file, and no template of one, or says how it is built."""
        return super().wants(path) and not _TEMPLATE.search(path)

    def is_test_file(self, path: str) -> bool:
        """Whether its name is one that test runners look for."""
        return bool(_TEST_FILE.search(path))

    def settings_of(self, path: str, content: bytes) -> Settings:
        """What a build says."""
        return builds.settings(path, content)

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The classes and calls of a file."""
        source = parse("ruby", content)
        reader = Reader(source, path)
        reader.read()
        owners = [*reader.owners, *([reader.file] if reader.file.bases else [])]
        able = _able(path, reader)
        named = builds.named(content)
        return ClassFacts(
            framework=next((each for each in named if each in able), "" if able or not named else named[0]),
            classes=tuple(each.known() for each in owners),
            cases=tuple(reader.file.cases),
            suites=reader.file.suites,
            first_error=source.first_error,
            able=able,
        )

    def tells(self, found: ClassFacts) -> bool:
        """Whether a file has anything: a helper may do no more than name the framework."""
        return found != ClassFacts("")

    def running(self, path: str, facts: ClassFacts, kin: Kin, scope: Scope) -> FileFacts:
        """The groups and tests of a file that run: RSpec loads files by their names."""
        classes = tuple(each for each in facts.classes if each.name != path)
        found = super().running(path, facts._replace(classes=classes), kin, scope)
        if found.framework != "rspec" or path.endswith("_spec.rb"):
            return found
        shared = tuple(each for each in classes if each.name.startswith(SHARED_NAME))
        return super().running(path, facts._replace(classes=shared, cases=(), suites=0), kin, scope)

    def settings(self, files: Files[ClassFacts | Settings]) -> Iterator[tuple[str, Settings]]:
        """What builds say, and helpers, which the test files of their folders load."""
        yield from super().settings(files)
        for path in filter(builds.HELPER.search, files.paths):
            facts = files[path]
            if isinstance(facts, ClassFacts) and facts.framework:
                yield path, Settings((facts.framework,))

    def doubt(self, each: Class, kin: Kin) -> str:
        """Why only running would tell: bases outside the archive or made by calls, and shared examples whose names are."""
        if each.is_marked:
            return "names shared examples by an expression" if MADE in each.bases else ""
        reason = super().doubt(each, kin)
        return "its base is made by a call" if reason and MADE in each.bases else reason


def _able(path: str, reader: Reader) -> tuple[str, ...]:
    """The frameworks that a file's tests may be of."""
    has_groups = bool(reader.file.suites or reader.file.cases)
    has_groups = has_groups or any(each.name.startswith(SHARED_NAME) for each in reader.owners)
    of_classes = ("minitest", "test-unit") if any(each.cases for each in reader.owners) else ()
    if not has_groups:
        return of_classes
    return ("minitest", "rspec") if "/test/" in f"/{path}" else ("rspec", "minitest")
