"""C++'s tests: GoogleTest, Catch2 and doctest, by what each of them runs."""

import time

import pytest

from tests.inventory.build import entries_of

GTEST = "#include <gtest/gtest.h>\n"
CATCH2 = "#include <catch2/catch_test_macros.hpp>\n"
DOCTEST = '#include "doctest.h"\n'


def statuses(source: str) -> dict[str, str]:
    (entry,) = entries_of({"p/test/thing.cc": source}).values()
    return {each["name"]: each["status"] for each in entry["cases"]}


def test_googletest() -> None:
    source = """\
        #include <gtest/gtest.h>
        #define OWN(name) TEST(Own, name)
        // TEST(Comment, is_none) {}
        const char* text = "TEST(Text, is_none) {}";
        namespace a {
        TEST(Thing, works) { EXPECT_EQ(1, 2); }

        TEST_F(ThingTest,  // the fixture
               fits)
        {
        }
        TEST_P(ThingTest, each) {}
        INSTANTIATE_TEST_SUITE_P(All, ThingTest, testing::Values(1, 2));
        TYPED_TEST(Typed, any) {}
        }
        #if 0
        TEST(Off, is_none) {}
        #else
        TEST(On, counts) {}
        #endif
        #ifdef _WIN32
        TEST(Both, once) {}
        #else
        TEST(Both, once) {}
        #endif
        FRIEND_TEST(Thing, works);
        TEST(Declared, only);
    """
    entry = entries_of({"p/test/thing.cc": source})["p/test/thing.cc"]
    assert (entry["language"], entry["framework"], entry["suites"], entry["tests"]) == (
        "cpp",
        "googletest",
        5,
        6,
    )
    assert [(each["name"], each["line"]) for each in entry["cases"]] == [
        ("Thing::works", 6),
        ("ThingTest::fits", 8),
        ("ThingTest::each", 12),
        ("Typed::any", 14),
        ("On::counts", 19),
        ("Both::once", 22),
    ]


def test_statuses_of_googletest() -> None:
    source = """
        TEST(Thing, active) { if (off) GTEST_SKIP(); }
        TEST(Thing, DISABLED_one) {}
        TEST(DISABLED_Thing, two) {}
        TEST(Thing, skips) { /* now */ GTEST_SKIP() << "why"; }
    """
    assert statuses(GTEST + source) == {
        "Thing::active": "active",
        "Thing::DISABLED_one": "skipped",
        "DISABLED_Thing::two": "skipped",
        "Thing::skips": "skipped",
    }


def test_catch2() -> None:
    source = """
        TEST_CASE("one" " two", "[tag]") { SECTION("inside") {} }
        TEST_CASE() {}
        CATCH_TEST_CASE("prefixed") {}
        SCENARIO("a story", "[tag]") { GIVEN("this") {} }
        TEST_CASE_METHOD(Fixture<int, 2>, "with a fixture", "[.][slow]") {}
        TEMPLATE_TEST_CASE("for types, of two kinds", "[!hide]", int, (std::map<int, int>)) {}
        METHOD_AS_TEST_CASE(Thing::method, "a method", "[!shouldfail]")
        void all() { REGISTER_TEST_CASE(function, "a function"); }
        TEST_CASE(R"x(raw (name))x", "[!mayfail]") {}
        TEST_CASE("skips") { SKIP("why"); }
        TEST_CASE("of a line", "[!throws]"
                  "[.hidden]") {}
    """
    assert statuses(CATCH2 + source) == {
        "one two": "active",
        "Anonymous test case": "active",
        "prefixed": "active",
        "Scenario: a story": "active",
        "with a fixture": "skipped",
        "for types, of two kinds": "skipped",
        "a method": "xfail",
        "a function": "active",
        "raw (name)": "xfail",
        "skips": "skipped",
        "of a line": "skipped",
    }


def test_doctest() -> None:
    source = """
        TEST_CASE("plain, [.] is no tag") { SUBCASE("inside") {} }
        TEST_CASE("off" * doctest::skip()) {}
        TEST_CASE("on" * doctest::skip(false) * doctest::timeout(3)) {}
        TEST_CASE("fails" * doctest::description("why") * doctest::should_fail()) {}
        TEST_CASE_TEMPLATE("for types", T, int, float) {}
        TEST_SUITE("outer") {
            TEST_SUITE("inner" * doctest::skip()) {
                TEST_CASE_FIXTURE(Fixture, "nested") { const char* brace = "}"; }
            }
            TEST_CASE("beside") {}
        }
        TEST_SUITE_BEGIN("rest");
        TEST_CASE("in the rest") {}
        TEST_SUITE_END();
        TEST_CASE("behind") {}
    """
    (entry,) = entries_of({"p/a.cpp": DOCTEST + source}).values()
    assert (entry["framework"], entry["suites"]) == ("doctest", 3)
    assert statuses(DOCTEST + source) == {
        "plain, [.] is no tag": "active",
        "off": "skipped",
        "on": "active",
        "fails": "xfail",
        "for types": "active",
        "outer::inner::nested": "skipped",
        "outer::beside": "active",
        "rest::in the rest": "active",
        "behind": "active",
    }


@pytest.mark.parametrize(
    ("source", "build", "framework"),
    [
        ('TEST_CASE("a") {}', "find_package(doctest)", "doctest"),
        ('TEST_CASE("a") {}', "find_package(Catch2 3)", "catch2"),
        ("TEST(A, b) {}", "target_link_libraries(a GTest::gtest_main doctest)", "googletest"),
        ('TEST_CASE_FIXTURE(A, "a") {}', "", "doctest"),
        ('TEST_CASE("a") {}', "", "catch2"),
        ("TEST(A, b) {}", "", "googletest"),
    ],
)
def test_the_nearest_build_names_the_framework_before_macros_do(
    source: str, build: str, framework: str
) -> None:
    files = {
        "p/CMakeLists.txt": "find_package(Boost)",
        "p/test/CMakeLists.txt": build,
        "p/test/a.cpp": f'#include "own.h"\n{source}',
    }
    assert {path: each["framework"] for path, each in entries_of(files).items()} == {
        "p/test/a.cpp": framework
    }


def test_macros_of_other_frameworks_are_no_tests() -> None:
    assert entries_of({"p/test/a.cpp": '#include "CppUTest/TestHarness.h"\nTEST(Group, name) {}'}) == {}
    assert entries_of({"p/src/a.cpp": "TEST(Group, name) {}"}) == {}


def test_text_around_macros_costs_no_square() -> None:
    begun = time.process_time()
    entries_of({"p/test/a.cc": GTEST + "TEST(" * 20_000 + "A, b) {}\n" + 'TEST_SUITE("x") {\n' * 20_000})
    assert time.process_time() - begun < 20
