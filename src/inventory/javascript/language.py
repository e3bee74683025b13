"""Tests in JavaScript and TypeScript, by the rules of Jest, Vitest, Mocha, Playwright, Cypress and node:test."""

import re
from collections.abc import Iterator

from src.inventory.document import Entry
from src.inventory.javascript.reader import ModuleFacts, read
from src.inventory.syntax.facts import FileFacts, entry
from src.inventory.syntax.files import Files
from src.inventory.syntax.language import ParsedLanguage

_TYPESCRIPT = (".ts", ".tsx", ".mts", ".cts")


class JavaScript(ParsedLanguage[ModuleFacts]):
    """The languages `javascript` and `typescript`."""

    name = "javascript"
    endings = (".js", ".jsx", ".mjs", ".cjs", *_TYPESCRIPT)
    likely = re.compile(rb"\b(?:it|test|specify|describe|suite|context|[fx]it|[fx]describe)\s*[.(`<]")

    def facts(self, path: str, content: bytes) -> ModuleFacts | None:
        """The tests and imports of a file."""
        return read(path, content)

    def found(self, facts: ModuleFacts) -> FileFacts:
        """The file's own tests."""
        return facts.file

    def entries(self, files: Files[ModuleFacts]) -> Iterator[Entry]:
        """The entries of the files that their framework runs."""
        for path, facts in files:
            if facts.file.cases:
                framework = facts.file.framework or facts.hint or "jest"
                language = "typescript" if path.endswith(_TYPESCRIPT) else "javascript"
                yield entry(path, language, facts.file._replace(framework=framework))
