"""Swift's tests: XCTest and Swift Testing, by what each of them runs."""

from pathlib import Path

import pytest

from src.inventory import take
from tests.inventory.build import entries_of, inventory_of, statuses_of, tar

XCTEST = "import XCTest\n"
TESTING = "import Testing\n"


def statuses(source: str) -> dict[str, str]:
    return statuses_of(inventory_of({"p/Tests/ThingTests.swift": source}))


def test_one_entry_has_the_suites_and_tests_of_a_file() -> None:
    source = """\
        import Testing
        @testable import Things

        @Suite("All things", .serialized)
        struct ThingTests {
            @Test func one() async throws { #expect(1 == 1) }

            @Test("has a name", arguments: [1, 2])
            func each(_ number: Int) {}

            @Suite struct Inside { @Testing.Test @MainActor func `raw name`() {} }
            enum Outer { final class Inner { @Test static func shared() {} } }
            func helper() { let text = "@Test func text() {}" } // @Test func comment() {}
        }
        @Test(.tags(.fast)) func free() {}
        extension ThingTests {
            #if os(Linux)
            @Test func extended() {}
            #else
            @Test func other() {}
            #endif
            #if false
            @Test func never() {}
            #endif
        }
    """
    assert entries_of({"p/ThingTests.swift": source})["p/ThingTests.swift"] == {
        "path": "p/ThingTests.swift",
        "language": "swift",
        "framework": "swift-testing",
        "suites": 3,
        "tests": 7,
        "cases": [
            {"name": "ThingTests::one", "line": 6, "status": "active"},
            {"name": "ThingTests::each", "line": 9, "status": "active"},
            {"name": "ThingTests::Inside::raw name", "line": 11, "status": "active"},
            {"name": "ThingTests::Outer::Inner::shared", "line": 12, "status": "active"},
            {"name": "free", "line": 15, "status": "active"},
            {"name": "ThingTests::extended", "line": 18, "status": "active"},
            {"name": "ThingTests::other", "line": 20, "status": "active"},
        ],
    }


def test_xctest_takes_methods_by_their_names() -> None:
    source = """\
        import XCTest
        @MainActor final class ThingTests: XCTestCase, Other {
            override func setUp() {}
            func testOne() {}
            @objc func testTwo() async throws -> Void { XCTAssert(true) }
            func testMany(number: Int) {}
            func testNumber() -> Int { 1 }
            private func testHidden() {}
            static func testShared() {}
            func helper() {}
        }
        struct OtherTests { func testNever() {} }
        func testOutside() {}
    """
    entry = entries_of({"p/ThingTests.swift": source})["p/ThingTests.swift"]
    assert (entry["framework"], entry["suites"]) == ("xctest", 1)
    assert [(each["name"], each["line"]) for each in entry["cases"]] == [
        ("ThingTests::testOne", 4),
        ("ThingTests::testTwo", 5),
    ]


def test_test_cases_are_found_by_their_bases_over_the_whole_archive() -> None:
    files = {
        "p/Base.swift": XCTEST + "class Base<T>: XCTest.XCTestCase { func testInherited() {} }",
        "p/ATests.swift": "class ATests: Base<Int> {}",
        "p/BTests.swift": "class BTests: company.CompanyTestCase { func testOne() {} }",
        "p/BTests+More.swift": "extension BTests { func testTwo() {} \n @Test func three() {} }",
        "p/CTests.swift": "class CTests: NSObject { func testNever() {} }",
        "p/DTests.swift": "extension Unknown { func testNever() {} }",
    }
    entries = entries_of(files)
    assert {path: (each["framework"], each["suites"], each["tests"]) for path, each in entries.items()} == {
        "p/Base.swift": ("xctest", 1, 1),
        "p/ATests.swift": ("xctest", 1, 0),
        "p/BTests.swift": ("xctest", 1, 1),
        "p/BTests+More.swift": ("swift-testing", 0, 2),
    }


def test_a_class_of_an_unknown_base_is_undecided() -> None:
    files = {
        "p/ATests.swift": XCTEST + "@objc\nclass ATests: company.Screen { func testOne() {} }",
        "p/BTests.swift": "class BTests: NSObject { func testNever() {} }",
        "p/CTests.swift": "struct CTests: Checks { func testNever() {} }",
        "p/DTests.swift": "class DTests: Screen { func show() {} }",
        "p/Probe.swift": XCTEST + "class Probe: Screen { func testConnection() {} }",
    }
    document = inventory_of(files)
    assert (document["entries"], document["undecided"]) == (
        [],
        [
            {
                "path": "p/ATests.swift",
                "line": 3,
                "name": "ATests",
                "reason": "a base lies outside the archive",
            }
        ],
    )


def test_statuses_of_xctest() -> None:
    source = """
        class ThingTests: XCTestCase {
            func testActive() throws { if off { throw XCTSkip("why") } }
            func testSkips() throws { /* now */ throw XCTSkip("why") }
            func testSkipsIf() throws { try XCTSkipIf(true, "why"); other() }
            func testSkipsUnless() throws { try XCTSkipUnless(false) }
            func testHopes() throws { try XCTSkipIf(isLinux) }
            func testFails() { XCTExpectFailure("why"); other() }
        }
        class OffTests: XCTestCase {
            override func setUpWithError() throws { throw XCTSkip("all") }
            func testOff() {}
        }
    """
    assert statuses(XCTEST + source) == {
        "ThingTests::testActive": "active",
        "ThingTests::testSkips": "skipped",
        "ThingTests::testSkipsIf": "skipped",
        "ThingTests::testSkipsUnless": "skipped",
        "ThingTests::testHopes": "active",
        "ThingTests::testFails": "xfail",
        "OffTests::testOff": "skipped",
    }


def test_statuses_of_swift_testing() -> None:
    source = """
        @Suite struct ThingTests {
            @Test func active() {}
            @Test(.disabled()) func off() {}
            @Test("named", .disabled("why"), .bug("x")) func why() {}
            @Test(.disabled(if: isLinux)) func elsewhere() {}
            @Test(.enabled(if: isLinux)) func here() {}
            @Test(.enabled(if: false)) func never() {}
            @Test func known() { withKnownIssue { #expect(false) } }
            @Test func partly() { withKnownIssue { #expect(false) }; #expect(true) }
            @Test @available(*, unavailable) func gone() {}
            @Test func cancels() throws { try Test.cancel("why") }
        }
        @Suite(.disabled("all")) struct OffTests { struct Inside { @Test func off() {} } }
    """
    assert statuses(TESTING + source) == {
        "ThingTests::active": "active",
        "ThingTests::off": "skipped",
        "ThingTests::why": "skipped",
        "ThingTests::elsewhere": "skipped",
        "ThingTests::here": "active",
        "ThingTests::never": "skipped",
        "ThingTests::known": "xfail",
        "ThingTests::partly": "active",
        "ThingTests::gone": "skipped",
        "ThingTests::cancels": "skipped",
        "OffTests::Inside::off": "skipped",
    }


@pytest.mark.parametrize(
    "statements",
    [
        "promise.succeed(()) \n f { return () } \n g((), h: 1) \n do { } catch let e as E where e.code == 1 { \n () \n }",
        "nonisolated(unsafe) let a = 1 \n throw Own::Failure.one",
    ],
)
def test_spellings_that_the_grammar_does_not_know_cost_no_test(statements: str) -> None:
    source = f"""
        class ThingTests: XCTestCase {{
            func testOne() throws {{
                {statements}
            }}
            func testTwo() {{}}
        }}
        extension Own::ThingTests {{
            @Testing::Test(.disabled()) func `a :: b`() {{}}
        }}
    """
    files = {"p/ThingTests.swift": XCTEST + source}
    inventory = inventory_of(files)
    cases = statuses_of(inventory)
    assert cases == {
        "ThingTests::testOne": "active",
        "ThingTests::testTwo": "active",
        "ThingTests::a :: b": "skipped",
    }


def test_what_builds_and_package_managers_keep_is_left_out() -> None:
    source = XCTEST + "class ATests: XCTestCase { func testA() {} }"
    files = dict.fromkeys(("p/.build/a/ATests.swift", "p/Pods/ATests.swift", "p/Tests/ATests.swift"), source)
    assert list(entries_of(files)) == ["p/Tests/ATests.swift"]


def test_a_file_that_does_not_parse_is_told() -> None:
    inventory = inventory_of({"p/ATests.swift": XCTEST + "class @ { func test("})
    assert inventory["tests"] == 0
    assert inventory["unreadable"] == [{"path": "p/ATests.swift", "reason": "line 2: does not parse"}]


def test_a_file_that_is_made_to_cost_much_costs_itself_alone(tmp_path: Path) -> None:
    nested = "struct A { " * 5_000 + "@Test func a() {} " + "} " * 5_000
    files = {"p/ATests.swift": nested, "p/BTests.swift": "@Test func b() {}"}
    archive = tar(tmp_path / "a", {path: f"{TESTING}{each}".encode() for path, each in files.items()})
    inventory = take(archive, processes=1)
    assert inventory["unreadable"] == [{"path": "p/ATests.swift", "reason": "is too much for the parser"}]
    assert inventory["tests"] == 1
