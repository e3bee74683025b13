"""Kotlin's tests: JUnit 4, JUnit 5, TestNG, kotlin.test and Kotest, by what each of them runs."""

from pathlib import Path

import pytest

from src.inventory import take
from tests.inventory.build import entries_of, inventory_of, statuses_of, tar

JUNIT5 = "import org.junit.jupiter.api.*\n"
OUTSIDE = "a base lies outside the archive"
KOTEST = "import io.kotest.core.spec.style.*\n"


def statuses(source: str) -> dict[str, str]:
    return statuses_of(inventory_of({"p/src/ThingTest.kt": source}))


def test_one_entry_has_the_suites_and_tests_of_a_file() -> None:
    source = """\
        package a.b
        import org.junit.jupiter.api.Test as Check
        import org.junit.jupiter.params.ParameterizedTest

        class ThingTest : Base(), Other {
            @Check
            fun `adds two numbers`() = runTest { }

            @ParameterizedTest @ValueSource(ints = [1, 2])
            internal fun each(number: Int) {}

            @Nested inner class Inside {
                @[RepeatedTest(3) Tag("x")] fun again() {}
            }
            class Apart { @Check fun apart() {} }

            fun helper() { val text = "@Check fun text() {}" } // @Check fun comment() {}
        }
    """
    assert entries_of({"p/ThingTest.kt": source})["p/ThingTest.kt"] == {
        "path": "p/ThingTest.kt",
        "language": "kotlin",
        "framework": "junit5",
        "suites": 3,
        "tests": 4,
        "cases": [
            {"name": "ThingTest::adds two numbers", "line": 7, "status": "active"},
            {"name": "ThingTest::each", "line": 10, "status": "active"},
            {"name": "ThingTest::Inside::again", "line": 13, "status": "active"},
            {"name": "ThingTest::Apart::apart", "line": 15, "status": "active"},
        ],
    }


@pytest.mark.parametrize(
    ("framework", "imports"),
    [
        ("junit4", "import org.junit.Test\nimport kotlin.test.assertEquals"),
        ("junit5", "import org.junit.jupiter.api.*\nimport io.kotest.matchers.shouldBe"),
        ("testng", "import org.testng.annotations.Test\nimport org.junit.Assert.assertEquals"),
        ("kotlin-test", "import kotlin.test.Test\nimport org.junit.Before"),
        ("kotlin-test", "import kotlin.test.*"),
        ("junit4", ""),
    ],
)
def test_the_annotation_that_is_used_names_the_framework_before_other_imports(
    framework: str, imports: str
) -> None:
    files = {
        "p/build.gradle.kts": 'testImplementation("junit:junit:4.13")',
        "p/ATest.kt": f"{imports}\nclass ATest {{ @Test fun a() {{}} }}",
    }
    assert [each["framework"] for each in entries_of(files).values()] == [framework]


def test_what_is_no_test() -> None:
    source = """
        @Test fun outside() {}
        class ThingTest {
            @BeforeEach fun setUp() {}
            @Test private fun hidden() {}
            @get:Test val property = 1
            inner class Inner { @Test fun unmarked() {} }
            private class Hidden { @Test fun unseen() {} }
            companion object { @Test fun shared() {} }
            fun make() = object : ThingTest() { @Test fun local() {} }
        }
        expect class OtherTest { @Test fun elsewhere() }
    """
    assert statuses(JUNIT5 + source) == {}


def test_an_abstract_class_counts_where_it_is_written_once_another_one_derives_it() -> None:
    files = {
        "p/Base.kt": JUNIT5 + "abstract class Base<T>(x: T) : a.Root<T>(x) { @Test fun inherited() {} }",
        "p/Root.kt": JUNIT5 + "interface Root<T> { @Test fun rooted() {} }",
        "p/ThingTest.kt": "class ThingTest : Base<Int>(1)",
        "p/AloneTest.kt": JUNIT5 + "sealed class AloneTest { @Test fun never() {} }",
    }
    entries = entries_of(files)
    assert {path: (each["suites"], each["tests"]) for path, each in entries.items()} == {
        "p/Base.kt": (0, 1),
        "p/Root.kt": (0, 1),
        "p/ThingTest.kt": (1, 0),
    }
    assert entries["p/ThingTest.kt"]["framework"] == "junit5"


def test_statuses_of_annotated_tests() -> None:
    source = """
        class ThingTest {
            @Test fun active() {}
            @Test @Disabled("why") fun disabled() {}
            @Test @Ignore fun ignored() {}
            @Test @EnabledOnOs(OS.LINUX) fun here() {}
            @Test fun aborts() { /* now */ throw TestAbortedException("why") }
            @Test fun assumes() { assumeTrue(false) }
            @Test fun hopes() { assumeTrue(isLinux()) }
        }
        @Disabled class OffTest { @Test fun off() {} }
    """
    assert statuses(JUNIT5 + source) == {
        "ThingTest::active": "active",
        "ThingTest::disabled": "skipped",
        "ThingTest::ignored": "skipped",
        "ThingTest::here": "active",
        "ThingTest::aborts": "skipped",
        "ThingTest::assumes": "skipped",
        "ThingTest::hopes": "active",
        "OffTest::off": "skipped",
    }


def test_classes_of_testng_and_of_junit_3() -> None:
    source = """
        import org.testng.annotations.*
        @Test(groups = ["fast"]) class ThingTest {
            fun one() {}
            @Test(enabled = false) fun off() {}
            @BeforeMethod fun before() {}
            fun number(): Int = 1
            private fun unseen() {}
        }
    """
    assert statuses(source) == {"ThingTest::one": "active", "ThingTest::off": "skipped"}
    old = "import junit.framework.TestCase\nclass OldTest : TestCase() { fun testOne() {} \n fun other() {} }"
    assert statuses(old) == {"OldTest::testOne": "active"}


STYLES = {
    "StringSpec": ('"one" { } \n "two".config(enabled = false) { }', ["one", "two"]),
    "FunSpec": ('context("a") { test("one") { } } \n xtest("two") { }', ["a::one", "two"]),
    "ShouldSpec": ('context("a") { should("one") { } } \n xshould("two") { }', ["a::one", "two"]),
    "DescribeSpec": (
        'describe("a") { context("b") { it("one") { } } } \n xdescribe("c") { it("two") { } }',
        ["a::b::one", "c::two"],
    ),
    "BehaviorSpec": (
        'given("a") { `when`("b") { and("c") { then("one") { } } } \n When("d") { xThen("two") { } } }',
        ["a::b::c::one", "a::d::two"],
    ),
    "FreeSpec": (
        '"a" - { "b" - { "one" { } } } \n "c".config(enabled = false) - { "two" { } }',
        ["a::b::one", "c::two"],
    ),
    "WordSpec": (
        '"a" When { "b" should { "one" { } } } \n "c" xshould { "two" { } }',
        ["a::b::one", "c::two"],
    ),
    "FeatureSpec": ('feature("a") { scenario("one") { } \n xscenario("two") { } }', ["a::one", "a::two"]),
    "ExpectSpec": (
        'context("a") { expect("one") { } } \n xcontext("c") { expect("two") { } }',
        ["a::one", "c::two"],
    ),
    "AnnotationSpec": ("", ["one", "two"]),
}


@pytest.mark.parametrize("style", sorted(STYLES))
def test_styles_of_kotest(style: str) -> None:
    body, names = STYLES[style]
    methods = "@Test fun one() {} \n @Ignore @Test fun two() {}" if style == "AnnotationSpec" else ""
    sources = [
        f"class ASpec : {style}({{ {body} }}) {{ {methods} }}",
        f"class ASpec : {style}(body = {{ {body} }}) {{ {methods} }}",
        f"class ASpec : io.kotest.core.spec.style.{style}() {{ init {{ {body} }} \n {methods} }}",
    ]
    for source in sources:
        expected = {f"ASpec::{names[0]}": "active", f"ASpec::{names[1]}": "skipped"}
        assert statuses(KOTEST + source) == expected


def test_suites_lines_and_framework_of_kotest() -> None:
    source = """\
        import io.kotest.core.spec.style.DescribeSpec
        import org.junit.jupiter.api.assertThrows
        class ThingSpec : DescribeSpec({
            beforeTest { prepare("x") { } }
            describe("a thing") {
                it("has $many") { "no" { } }
                for (each in all) { it("is $each") { } }
                list.forEach { if (it) it(it.name).config(invocations = 2) { } }
                withData(1, 2) { it shouldBe 1 }
                withData(nameFn = { "$it" }, 1, 2) { it("inside") { } }
            }
            fun helper() { it("of a helper") { } }
        })
    """
    entry = entries_of({"p/ThingSpec.kt": source})["p/ThingSpec.kt"]
    assert (entry["framework"], entry["suites"]) == ("kotest", 3)
    assert [(each["name"], each["line"]) for each in entry["cases"]] == [
        ("ThingSpec::a thing::has $many", 6),
        ("ThingSpec::a thing::is $each", 7),
        ("ThingSpec::a thing::it.name", 8),
        ("ThingSpec::a thing::withData", 9),
        ("ThingSpec::a thing::withData::inside", 10),
    ]


def test_statuses_of_kotest() -> None:
    source = """
        class ThingSpec : FunSpec({
            test("!banged") { }
            test("f:focused") { }
            ftest("first") { }
            test("off").config(tags = setOf(A), enabled = false) { }
            test("never").config(enabledIf = { false }) { }
            test("plain").config { }
            test("sometimes").config(enabled = isLinux) { }
            context("!all") { fcontext("more") { test("inside") { } } }
        })
        @Ignored("why") class OffSpec : FunSpec({ test("off") { } })
    """
    assert statuses(KOTEST + source) == {
        "ThingSpec::banged": "skipped",
        "ThingSpec::focused": "focused",
        "ThingSpec::first": "focused",
        "ThingSpec::off": "skipped",
        "ThingSpec::never": "skipped",
        "ThingSpec::plain": "active",
        "ThingSpec::sometimes": "active",
        "ThingSpec::all::more::inside": "skipped",
        "OffSpec::off": "skipped",
    }


def test_specs_are_found_by_their_bases_over_the_whole_archive() -> None:
    files = {
        "p/Base.kt": KOTEST
        + 'abstract class Base(body: Base.() -> Unit) : FunSpec() { init { test("own") { } } }',
        "p/ASpec.kt": 'class ASpec : Base({ context("a") { test("one") { } } })',
        "p/BSpec.kt": 'class BSpec : company.CompanySpec({ "two" { } })',
        "p/CSpec.kt": 'class CSpec : Screen({ "none" { } })',
        "p/DSpec.kt": KOTEST + 'private class DSpec : StringSpec({ "none" { } })',
        "p/other/DSpec.kt": "class DSpec",
        "p/ESpec.kt": KOTEST + 'fun shared(name: String) = funSpec { test("three") { } }',
    }
    entries = entries_of(files)
    assert {path: (each["framework"], each["suites"], each["tests"]) for path, each in entries.items()} == {
        "p/Base.kt": ("kotest", 0, 1),
        "p/ASpec.kt": ("kotest", 2, 1),
        "p/BSpec.kt": ("kotest", 1, 1),
        "p/ESpec.kt": ("kotest", 0, 1),
    }


def test_junit_3_by_bases_in_other_files_and_by_their_names() -> None:
    files = {
        "p/Base.kt": "import junit.framework.TestCase\nabstract class Base : TestCase()",
        "p/ATest.kt": "class ATest : Base() { fun testOne() {}\n fun testTwo() = check() }",
        "p/BTest.kt": KOTEST
        + "class BTest : LightPlatformTestCase() { fun testOne() {}\n private fun testNever() {}\n fun testOf(a: Int) {} }",
        "p/CTest.kt": "class CTest : Runnable { fun testNever() {} }",
        "p/DTest.kt": 'class DTest : StringSpec() { fun testNever() {} init { "one" { } } }',
        "p/ESpec.kt": KOTEST + "class ESpec : FunSpec() { fun testName(): String = name() }",
    }
    assert {
        path: (each["framework"], each["suites"], each["tests"]) for path, each in entries_of(files).items()
    } == {
        "p/ATest.kt": ("junit4", 1, 2),
        "p/BTest.kt": ("junit4", 1, 1),
        "p/DTest.kt": ("kotest", 1, 1),
    }


def test_a_class_of_an_unknown_base_is_undecided() -> None:
    files = {
        "p/ATest.kt": "\nclass ATest : company.Screen() { fun testOne() {} }",
        "p/BSpec.kt": 'class BSpec : Screen({ "two" { } })',
        "p/CTest.kt": "class CTest : Base() { fun testNever() {} }\nopen class Base",
        "p/DTest.kt": "class DTest : Thread() { fun testNever() {} }",
        "p/ETest.kt": "abstract class ETest : Screen() { fun testNever() {} }",
        "p/Screens.kt": "class Screens : Screen() { fun testConnection() {} }",
    }
    document = inventory_of(files)
    assert (document["entries"], document["undecided"]) == (
        [],
        [
            {"path": "p/ATest.kt", "line": 2, "name": "ATest", "reason": OUTSIDE},
            {"path": "p/BSpec.kt", "line": 1, "name": "BSpec", "reason": OUTSIDE},
        ],
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_classes_does_not_tell_the_framework(order: int) -> None:
    classes = ['class A : Screen({ "none" { } })', "class B { @Test fun one() {} }"]
    (entry,) = entries_of({"p/ATest.kt": "\n".join([JUNIT5, *classes[::order]])}).values()
    assert (entry["framework"], entry["tests"]) == ("junit5", 1)


@pytest.mark.parametrize(
    "statements",
    [
        'val a = 1 \n get("/") { } \n set(1, 2) \n set1.clear() \n by.close() \n set shouldBe 1',
        'val a = suspend { 1 }() \n open("/") \n internal() \n sealed(1) { }',
        'val a = $$"$b ${c}" \n val d = $$$"""$ "" $$$e""" \n val f = """"g""""',
    ],
)
def test_spellings_that_the_grammar_does_not_know_cost_no_test(statements: str) -> None:
    source = f"""
        class ThingTest {{
            val size get() = 1
            var more: Int = 1
                get() {{ return 1 }}
                set(value) {{ size }}
            @Test fun open() {{
                {statements}
            }}
            @Test fun `in $$"dollars"`() {{}}
        }}
        class ThingSpec : StringSpec({{
            "one" {{
                {statements}
            }}
            "two" {{ }}
        }})
    """
    names = ["ThingTest::open", 'ThingTest::in $$"dollars"', "ThingSpec::one", "ThingSpec::two"]
    assert statuses(JUNIT5 + KOTEST + source) == dict.fromkeys(names, "active")


@pytest.mark.parametrize(
    "source",
    [
        "class A { @Test fun a() {} @Test fun b() = 1 }",
        "class A { data class Of(val a: Int) { val b get() = { a -> } } @Test fun a() {} @Test internal fun b() {} }",
        "class A { @Nested inner class B { @Test fun a() {} } @Test fun b() {} } class C { val a = 1 }",
        "class A { object B { @Test fun a() {} }\n@Test fun b() {} }",
    ],
)
def test_classes_of_one_line_are_read(source: str) -> None:
    assert sorted(name[-1] for name in statuses(JUNIT5 + source)) == ["a", "b"]


def test_a_file_that_is_made_to_cost_much_costs_itself_alone(tmp_path: Path) -> None:
    nested = 'class ThingSpec : FunSpec({ test("a") { } \n ' + 'context("b") { ' * 5_000 + "} " * 5_000 + "})"
    files = {"p/ASpec.kt": nested, "p/BTest.kt": "class BTest { @Test fun b() {} }"}
    archive = tar(tmp_path / "a", {path: f"{JUNIT5}{KOTEST}{each}".encode() for path, each in files.items()})
    inventory = take(archive, processes=1)
    assert inventory["unreadable"] == [{"path": "p/ASpec.kt", "reason": "is too much for the parser"}]
    assert inventory["tests"] == 1


def test_a_file_that_does_not_parse_is_told() -> None:
    inventory = inventory_of({"p/ATest.kt": JUNIT5 + "class @ { @Test"})
    assert inventory["tests"] == 0
    assert inventory["unreadable"] == [{"path": "p/ATest.kt", "reason": "line 2: does not parse"}]
