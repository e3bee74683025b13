"""The language `swift`."""

import re

from src.inventory.classes.facts import ClassFacts
from src.inventory.classes.language import ClassLanguage
from src.inventory.swift.reader import read
from src.inventory.swift.spelling import plain
from src.inventory.syntax.language import NEVER_ENTERED
from src.inventory.syntax.parsing import Source, parse


class Swift(ClassLanguage):
    """The language `swift` with the frameworks `xctest` and `swift-testing`."""

    name = "swift"
    endings = (".swift",)
    likely = re.compile(
        rb"XCTest|TestCase|func test|@(?:Testing\.)?(?:Test|Suite)\b|(?::\s*|\bclass\s+)\w+Tests?\b"
    )
    roots = re.compile(r"XCTestCase")
    outside = re.compile(r"TestCase$")
    plain = re.compile(
        r"NSObject(Protocol)?|Any(Object|Actor)?|(Unchecked)?Sendable|Equatable|Hashable|Comparable|Identifiable|Codable|Encodable|Decodable"
        r"|ObservableObject|Error|Custom(Debug)?StringConvertible|(UI|NS)(View|ViewController|Window|Application|Control)|URLProtocol|Thread|Operation|XCTestObservation"
    )
    never_entered = (*NEVER_ENTERED, ".build", "Carthage", "Pods")

    def declared(self, path: str, content: bytes) -> ClassFacts:
        """The types and functions of a file."""
        return read(Source(parse("swift", plain(content)).root, content))
