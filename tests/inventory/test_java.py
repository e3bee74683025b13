"""Java's tests: JUnit 4, JUnit 5 and TestNG, by what each of them runs."""

from src.inventory import Inventory
from src.inventory.document import Case
from tests.inventory.build import entries_of, inventory_of, statuses_of

JUNIT5 = "import org.junit.jupiter.api.*;\n"
JUNIT4 = "import org.junit.*;\n"
TESTNG = "import org.testng.annotations.*;\n"


def cases(inventory: Inventory) -> list[Case]:
    return [case for entry in inventory["entries"] for case in entry["cases"]]


def statuses(source: str) -> dict[str, str]:
    return statuses_of(inventory_of({"p/src/ThingTest.java": source}))


def test_one_entry_has_the_suites_and_tests_of_a_file() -> None:
    source = """\
        package a.b;
        import org.junit.jupiter.api.Test;
        import org.junit.jupiter.params.ParameterizedTest;

        class ThingTest {
            @Test
            void one() {}

            @ParameterizedTest @ValueSource(ints = {1, 2})
            void each(int number) {}

            @Nested class Inside {
                @RepeatedTest(3) void again() {}
                @TestFactory Object made() { return null; }
            }

            void helper() { @Deprecated int x; }
        }
    """
    inventory = inventory_of({"p/ThingTest.java": source})
    (entry,) = inventory["entries"]
    assert entry == {
        "path": "p/ThingTest.java",
        "language": "java",
        "framework": "junit5",
        "suites": 2,
        "tests": 4,
        "cases": [
            {"name": "ThingTest::one", "line": 7, "status": "active"},
            {"name": "ThingTest::each", "line": 10, "status": "active"},
            {"name": "ThingTest::Inside::again", "line": 13, "status": "active"},
            {"name": "ThingTest::Inside::made", "line": 14, "status": "active"},
        ],
    }
    assert inventory["unreadable"] == []


def test_the_annotation_that_is_used_names_the_framework_before_other_imports() -> None:
    body = "class ATest { @Test public void a() {} }"
    sources = {
        "junit4": "import org.junit.Test; import org.junit.jupiter.api.Assertions;",
        "junit5": "import org.junit.jupiter.api.Test; import org.junit.Assert; import org.testng.annotations.Listeners;",
        "testng": "import org.testng.annotations.Test; import static org.junit.Assert.*;",
    }
    for framework, imports in sources.items():
        (entry,) = inventory_of({"p/ATest.java": imports + body})["entries"]
        assert entry["framework"] == framework
    (entry,) = inventory_of({"p/ATest.java": "class ATest { @org.junit.Test public void a() {} }"})["entries"]
    assert entry["framework"] == "junit4"


def test_a_build_names_the_framework_where_no_import_does() -> None:
    builds = {
        "p/pom.xml": "<artifactId>junit</artifactId>",
        "p/new/build.gradle.kts": "tasks.test { useJUnitPlatform() }",
        "p/ng/build.gradle": "test { useTestNG() }",
    }
    test = "class ATest { @Test public void a() {} }"
    files = {f"{folder}/src/ATest.java": test for folder in ("p", "p/new", "p/ng")}
    found = {each["path"]: each["framework"] for each in inventory_of({**builds, **files})["entries"]}
    assert found == {
        "p/src/ATest.java": "junit4",
        "p/new/src/ATest.java": "junit5",
        "p/ng/src/ATest.java": "testng",
    }


def test_what_is_no_test() -> None:
    source = """\
        import org.junit.jupiter.api.Test;
        class ThingTest {
            @BeforeEach void setUp() {}
            @Test private void hidden() {}
            class Inner { @Test void unmarked() {} }
            private static class Hidden { @Test void unseen() {} }
            // @Test void comment() {}
            String text = "@Test void text() {}";
        }
    """
    assert cases(inventory_of({"p/ThingTest.java": source})) == []
    other = (
        "import net.jqwik.Test; import org.junit.jupiter.api.Assertions; class ATest { @Test void a() {} }"
    )
    assert cases(inventory_of({"p/ATest.java": other})) == []


def test_an_abstract_class_counts_where_it_is_written_once_another_one_derives_it() -> None:
    files = {
        "p/Base.java": JUNIT5 + "abstract class Base extends Root<String> { @Test void inherited() {} }",
        "p/Root.java": JUNIT5 + "interface Root<T> { @Test default void rooted() {} }",
        "p/ThingTest.java": "class ThingTest extends Base {}",
        "p/AloneTest.java": JUNIT5 + "abstract class AloneTest { @Test void never() {} }",
    }
    found = entries_of(files)
    assert {path: (each["suites"], each["tests"]) for path, each in found.items()} == {
        "p/Base.java": (0, 1),
        "p/Root.java": (0, 1),
        "p/ThingTest.java": (1, 0),
    }
    assert found["p/ThingTest.java"]["framework"] == "junit5"


def test_statuses_of_junit() -> None:
    source = """
        class ThingTest {
            @Test void active() {}
            @Test @Disabled("why") void disabled() {}
            @Test @DisabledOnOs(OS.LINUX) void elsewhere() {}
            @Test @EnabledOnOs(OS.LINUX) void here() {}
            @Test @ExpectedToFail void fails() {}
            @Test void aborts() { /* now */ Assumptions.abort("why"); }
            @Test void assumes() { assumeTrue(false); }
            @Test void hopes() { assumeTrue(isLinux()); }
            @Nested @Disabled class Inside { @Test void inside() {} }
        }
    """
    assert statuses(JUNIT5 + source) == {
        "ThingTest::active": "active",
        "ThingTest::disabled": "skipped",
        "ThingTest::elsewhere": "skipped",
        "ThingTest::here": "active",
        "ThingTest::fails": "xfail",
        "ThingTest::aborts": "skipped",
        "ThingTest::assumes": "skipped",
        "ThingTest::hopes": "active",
        "ThingTest::Inside::inside": "skipped",
    }
    old = "@Ignore public class OldTest { @Test(timeout = 3) public void a() {} }"
    assert statuses(JUNIT4 + old) == {"OldTest::a": "skipped"}


def test_testng_takes_every_public_method_of_a_marked_class() -> None:
    source = """
        @Test(groups = "fast")
        public class ThingTest {
            public void one() {}
            @Test(enabled = false) public void off() {}
            public void skips() { throw new SkipException("why"); }
            @BeforeMethod public void before() {}
            @DataProvider public Object[][] data() { return null; }
            public int number() { return 1; }
            public static void still() {}
            void unseen() {}
        }
    """
    assert statuses(TESTNG + source) == {
        "ThingTest::one": "active",
        "ThingTest::off": "skipped",
        "ThingTest::skips": "skipped",
    }
    off = "@Test(enabled = false) public class Off { public void a() {} @Test public void b() {} }"
    assert statuses(TESTNG + off) == {"Off::a": "skipped", "Off::b": "active"}


def test_junit_3_takes_methods_by_their_names() -> None:
    source = """\
        import junit.framework.TestCase;
        public class OldTest extends TestCase {
            public void testOne() {}
            public void testMany(int number) {}
            void testHidden() {}
            public void other() {}
        }
    """
    assert statuses(source) == {"OldTest::testOne": "active"}


def test_junit_3_by_bases_in_other_files_and_by_their_names() -> None:
    method = "{ public void testOne() {} public int testNever() { return 1; } }"
    files = {
        "p/Base.java": "import junit.framework.TestCase; public abstract class Base extends TestCase { public void testOwn() {} }",
        "p/ATest.java": f"public class ATest extends Base {method}",
        "p/BTest.java": f"import org.junit.jupiter.api.Assertions; public class BTest extends LightPlatformTestCase {method}",
        "p/CTest.java": f"public class CTest extends company.Screen {method}",
        "p/DTest.java": f"public class DTest extends Thread {method}",
        "p/ETest.java": "import org.junit.Test; public class ETest { @Test public void one() {} }",
        "p/FTest.java": f"public class FTest extends ETest {method}",
    }
    document = inventory_of(files)
    found = {each["path"]: (each["framework"], each["suites"], each["tests"]) for each in document["entries"]}
    assert found == {
        "p/ATest.java": ("junit4", 1, 1),
        "p/BTest.java": ("junit4", 1, 1),
        "p/Base.java": ("junit4", 0, 1),
        "p/ETest.java": ("junit4", 1, 1),
        "p/FTest.java": ("junit4", 1, 0),
    }
    assert document["undecided"] == [
        {"path": "p/CTest.java", "line": 1, "name": "CTest", "reason": "a base lies outside the archive"}
    ]


def test_a_file_that_does_not_parse_is_told() -> None:
    inventory = inventory_of({"p/ATest.java": JUNIT5 + "class @ { @Test"})
    assert inventory["tests"] == 0
    assert inventory["unreadable"] == [{"path": "p/ATest.java", "reason": "line 2: does not parse"}]
