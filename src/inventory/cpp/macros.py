"""The macros that declare tests."""

import re

GOOGLETEST = frozenset({"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P", "GTEST_TEST"})
SUITES = frozenset({"TEST_SUITE", "TEST_SUITE_BEGIN", "TEST_SUITE_END"})
CATCH2 = frozenset(
    {
        "TEST_CASE",
        "TEST_CASE_METHOD",
        "TEST_CASE_PERSISTENT_FIXTURE",
        "SCENARIO",
        "SCENARIO_METHOD",
        "METHOD_AS_TEST_CASE",
        "REGISTER_TEST_CASE",
        *(
            f"TEMPLATE_{kind}TEST_CASE{method}{signature}"
            for kind in ("", "PRODUCT_", "LIST_")
            for method in ("", "_METHOD")
            for signature in ("", "_SIG")
        ),
    }
)
DOCTEST = frozenset(
    {
        "TEST_CASE",
        "TEST_CASE_FIXTURE",
        "TEST_CASE_CLASS",
        "TEST_CASE_TEMPLATE",
        "TEST_CASE_TEMPLATE_DEFINE",
        "SCENARIO",
        "SCENARIO_CLASS",
        "SCENARIO_TEMPLATE",
        "SCENARIO_TEMPLATE_DEFINE",
    }
)
OF: dict[str, frozenset[str]] = {"googletest": GOOGLETEST, "catch2": CATCH2, "doctest": DOCTEST}
#: A macro that needs no body behind it.
WITHOUT_BODY = frozenset({"METHOD_AS_TEST_CASE", "REGISTER_TEST_CASE"})

_NAMES = "|".join(sorted(GOOGLETEST | CATCH2 | DOCTEST | SUITES, key=lambda name: (-len(name), name)))
CALL = re.compile(rf"\b(?:CATCH_|DOCTEST_)?({_NAMES})\s*\(".encode())
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)', re.MULTILINE)
_BY_INCLUDE = (
    ("googletest", re.compile(rb"(?i)gtest|gmock|googletest")),
    ("catch2", re.compile(rb"(?i)\bcatch2?\b|catch_")),
    ("doctest", re.compile(rb"(?i)doctest")),
    ("cpputest", re.compile(rb"CppUTest/")),
    ("unity", re.compile(rb"\bunity(_fixture)?\.h")),
)
#: Frameworks that have macros of these names and are not counted.
OTHERS = frozenset({"cpputest", "unity"})
_BY_BUILD = (
    ("googletest", re.compile(rb"(?i)gtest|googletest|gmock")),
    ("catch2", re.compile(rb"(?i)catch2|catch_discover_tests|catch\.hpp")),
    ("doctest", re.compile(rb"(?i)doctest")),
)
BUILDS = re.compile(
    r"(^|/)(CMakeLists\.txt|BUILD(\.bazel)?|MODULE\.bazel|WORKSPACE|conanfile\.(txt|py)|vcpkg\.json|meson\.build|xmake\.lua)$"
)


def included(content: bytes) -> tuple[str, ...]:
    """The frameworks that a file's includes name."""
    paths = b"\n".join(_INCLUDE.findall(content))
    return tuple(name for name, pattern in _BY_INCLUDE if pattern.search(paths))


def built(content: bytes) -> tuple[str, ...]:
    """The frameworks that a build's file names."""
    return tuple(name for name, pattern in _BY_BUILD if pattern.search(content))
