"""Which framework a build of Maven, Gradle or Bazel names."""

import re

from src.inventory.classes.facts import Settings

FILES = re.compile(r"(^|/)(pom\.xml|build\.gradle(\.kts)?)$")
#: In the order in which they are believed: JUnit 5 runs tests of JUnit 4 too.
_NAMES = (
    (
        "junit5",
        re.compile(
            rb"useJUnitPlatform|junit-jupiter|org\.junit\.jupiter|test-junit5|junit-bom|junit\.jupiter"
        ),
    ),
    ("testng", re.compile(rb"(?i)useTestNG|testng")),
    (
        "junit4",
        re.compile(rb"useJUnit\b|[\"']junit:junit|<artifactId>junit</|test-junit\b|libs\.junit\b|junit4"),
    ),
)


def settings(content: bytes) -> Settings:
    """The frameworks that a build's file names."""
    return Settings(tuple(name for name, pattern in _NAMES if pattern.search(content)))
