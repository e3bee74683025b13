"""The pages that users read, and the examples in them."""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.support import ROOT

README = ROOT / "README.md"
#: In the order in which a reader meets them: the README links the guides.
PAGES = [README, *(ROOT / path for path in re.findall(r"\]\((ops/docs/guides/[^)#]+)", README.read_text()))]


class Example(NamedTuple):
    """A fenced block: the page it stands on, its language, its text."""

    page: str
    language: str
    text: str


EXAMPLES = [
    Example(page.stem.lower(), language, text)
    for page in PAGES
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
]


def examples(language: str) -> list[Example]:
    """The examples in a language, in the order in which a reader meets them."""
    return [example for example in EXAMPLES if example.language == language]
