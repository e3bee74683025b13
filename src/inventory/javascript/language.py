"""Tests in JavaScript and TypeScript, by the rules of Jest, Vitest, Mocha, Playwright, Cypress and node:test.

A file is a test file if the framework that it imports, or else one that the nearest settings name, runs it. Tests in other
files count once a test file imports them, in one step or in several: suites that are shared.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from src.inventory.document import Entry
from src.inventory.javascript.modules import resolved
from src.inventory.javascript.project import Project, is_named_like_a_test
from src.inventory.javascript.reader import ModuleFacts, read
from src.inventory.javascript.settings import Rule, is_settings, rules
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import ParsedLanguage

_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")

Facts = ModuleFacts | tuple[Rule, ...]


class _Module(NamedTuple):
    """What is kept of a file while the framework of each is looked for."""

    imported: str
    hint: str
    imports: tuple[str, ...]


class JavaScript(ParsedLanguage[Facts]):
    """The languages `javascript` and `typescript`."""

    name = "javascript"
    endings = (".js", ".jsx", ".mjs", ".cjs", *_TYPESCRIPT)
    likely = re.compile(
        rb"(?<![.\w$])(?:it|test|specify|describe|suite|context|[fx]it|[fx]describe|xtest)\s*[.(`<]"
        rb"|['\"](?:vitest|@jest/globals|@playwright/test|node:test|mocha|tap|tape|ava|uvu)['\"]|QUnit\."
    )

    def wants(self, path: str) -> bool:
        """Whether it is a module, or a file of settings."""
        return is_settings(path) or (super().wants(path) and not path.endswith((".d.ts", ".min.js")))

    def is_needed(self, path: str, content: bytes) -> bool:
        """Whether a file may hold a test, or settings."""
        return is_settings(path) or super().is_needed(path, content)

    def is_test_file(self, path: str) -> bool:
        """Whether its name says so, or it has settings."""
        return is_settings(path) or is_named_like_a_test(path)

    def facts(self, path: str, content: bytes) -> Facts | None:
        """The tests and imports of a module, or the rules in a file of settings."""
        return rules(path, content) if is_settings(path) else read(path, content)

    def found(self, facts: Facts) -> FileFacts | None:
        """The module's own tests."""
        return facts.file if isinstance(facts, ModuleFacts) else None

    def entries(self, files: Files[Facts]) -> Iterator[Entry]:
        """The entries of the files that their framework runs, and of those that these import."""
        frameworks = _frameworks(files)
        for path, facts in files:
            found = self.found(facts)
            if found and path in frameworks and (found.cases or found.suites):
                language = "typescript" if path.endswith(_TYPESCRIPT) else self.name
                yield entry(path, language, found._replace(framework=frameworks[path]))


def _frameworks(files: Files[Facts]) -> dict[str, str]:
    """The framework of each test file."""
    modules: dict[str, _Module] = {}
    found: list[Rule] = []
    for path, facts in files:
        if isinstance(facts, ModuleFacts):
            modules[path] = _Module(facts.file.framework, facts.hint, facts.imports)
        else:
            found += facts
    project = Project(found)
    frameworks = {
        path: framework
        for path, module in modules.items()
        if (framework := project.framework_of(path, module.imported, module.hint))
    }
    _follow(frameworks, modules)
    return frameworks


def _follow(frameworks: dict[str, str], modules: dict[str, _Module]) -> None:
    """Files that test files import are run by the same framework."""
    pending = deque(frameworks)
    while pending:
        path = pending.popleft()
        for module in modules[path].imports:
            target = resolved(path, module, modules)
            if target and target not in frameworks:
                frameworks[target] = modules[target].imported or frameworks[path]
                pending.append(target)
