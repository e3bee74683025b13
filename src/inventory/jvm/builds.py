"""Which framework a build of Maven, Gradle or Bazel names."""

import re

from src.inventory.classes.facts import Settings

FILES = re.compile(r"(^|/)(pom\.xml|build\.gradle(\.kts)?)$")
#: A class outside the archive by such a name derives JUnit 3's.
OLD = re.compile(r"TestCase$")
#: Classes and interfaces of the JVM itself.
PLAIN = re.compile(
    r"Object|Any|Runnable|Callable|Closeable|AutoCloseable|Cloneable|Serializable|Comparable|Comparator|Iterable|Iterator|Thread"
    r"|(Abstract)?(Collection|List|Set|Map)|(Array)?List|(Linked)?HashMap|HashSet|(\w+)?(Exception|Error|Throwable)|Enum|Record"
    r"|(Input|Output)Stream|Reader|Writer|ClassLoader|Number|CharSequence"
)
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
