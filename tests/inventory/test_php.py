"""PHP's tests: PHPUnit and Pest, by what each of them runs."""

from src.inventory.document import Case
from tests.inventory.build import entries_of, inventory_of

PEST = {"p/composer.json": '{"require-dev": {"pestphp/pest": "^3"}}'}
USE = "use PHPUnit\\Framework\\TestCase;\n"


def cases(source: str, path: str = "p/tests/ThingTest.php", **others: str) -> list[Case]:
    return [case for entry in entries_of({path: source, **others}).values() for case in entry["cases"]]


def statuses(source: str) -> dict[str, str]:
    return {each["name"]: each["status"] for each in cases(source)}


def test_one_entry_has_the_suites_and_tests_of_a_file() -> None:
    source = """\
        <?php
        namespace App\\Tests;

        use PHPUnit\\Framework\\TestCase as Base;
        use PHPUnit\\Framework\\Attributes\\{DataProvider, Test};

        final class ThingTest extends Base
        {
            public function testOne(): void {}

            /** @test */
            public function it_works(): void {}

            #[DataProvider('numbers'), Test]
            public function each(int $number): void {}

            public static function numbers(): array { return [[1], [2]]; }
            private function testHidden(): void {}
            protected function setUp(): void {}
        }
    """
    assert entries_of({"p/tests/ThingTest.php": source})["p/tests/ThingTest.php"] == {
        "path": "p/tests/ThingTest.php",
        "language": "php",
        "framework": "phpunit",
        "suites": 1,
        "tests": 3,
        "cases": [
            {"name": "ThingTest::testOne", "line": 9, "status": "active"},
            {"name": "ThingTest::it_works", "line": 12, "status": "active"},
            {"name": "ThingTest::each", "line": 15, "status": "active"},
        ],
    }


def test_statuses_of_phpunit() -> None:
    source = """\
        <?php
        class ThingTest extends \\PHPUnit\\Framework\\TestCase {
            public function testActive() { if (1) { $this->markTestSkipped(); } }
            public function testSkipped() { // now
                $this->markTestSkipped('why'); }
            public function testStatic() { self::markTestSkipped(); }
            public function testIncomplete() { $this->markTestIncomplete('later'); }
        }
    """
    assert statuses(source) == {
        "ThingTest::testActive": "active",
        "ThingTest::testSkipped": "skipped",
        "ThingTest::testStatic": "skipped",
        "ThingTest::testIncomplete": "todo",
    }
    whole = """\
        <?php
        class ThingTest extends TestCase {
            protected function setUp(): void { $this->markTestSkipped(); }
            public function testOne() {}
        }
    """
    assert statuses(whole) == {"ThingTest::testOne": "skipped"}


def test_a_class_counts_if_it_derives_a_test_case_in_any_file() -> None:
    files = {
        "p/tests/TestCase.php": "<?php use PHPUnit\\Framework\\TestCase as Base; abstract class TestCase extends Base {}",
        "p/tests/Checks.php": "<?php trait Checks { public function testTrait() {} }",
        "p/tests/UnusedTest.php": "<?php trait UnusedTest { public function testNever() {} }",
        "p/tests/OneTest.php": "<?php class OneTest extends TestCase { use Checks; public function testOne() {} }",
        "p/tests/TwoTest.php": "<?php class TwoTest extends OneTest {}",
        "p/tests/OutsideTest.php": "<?php class OutsideTest extends KernelTestCase { public function testOutside() {} }",
        "p/src/Probe.php": "<?php class Probe extends Tool { public function testConnection() {} }",
    }
    assert {path: (each["suites"], each["tests"]) for path, each in entries_of(files).items()} == {
        "p/tests/Checks.php": (0, 1),
        "p/tests/OneTest.php": (1, 1),
        "p/tests/OutsideTest.php": (1, 1),
        "p/tests/TwoTest.php": (1, 0),
    }


def test_a_class_of_an_unknown_base_is_undecided() -> None:
    source = "<?php\nclass AcmeTest extends Screen { public function testOne() {} }"
    document = inventory_of(
        {"p/AcmeTest.php": source, "p/Screens.php": source.replace("AcmeTest", "Screens")}
    )
    assert (document["entries"], document["undecided"]) == (
        [],
        [
            {
                "path": "p/AcmeTest.php",
                "line": 2,
                "name": "AcmeTest",
                "reason": "a base lies outside the archive",
            }
        ],
    )


def test_phpunits_configuration_says_which_files_run() -> None:
    def test(name: str) -> str:
        return f"<?php class {name} extends TestCase {{ public function testIt() {{}} }} class Other {{}}"

    configuration = """\
        <phpunit><testsuites>
            <!-- <directory>gone</directory> -->
            <testsuite name="unit">
                <directory>./tests/unit</directory>
                <directory prefix="check-" suffix=".php">tests/*/old</directory>
                <exclude>tests/unit/fixtures</exclude>
                <file>tests/Alone.php</file>
            </testsuite>
        </testsuites></phpunit>
    """
    files = {
        "p/phpunit.xml.dist": configuration,
        "p/tests/unit/ATest.php": test("ATest"),
        "p/tests/unit/deep/BTest.php": test("BTest"),
        "p/tests/unit/Helper.php": test("Helper"),
        "p/tests/unit/fixtures/CTest.php": test("CTest"),
        "p/tests/any/old/check-it.php": test("CheckIt"),
        "p/tests/Alone.php": test("Alone"),
        "p/gone/DTest.php": test("DTest"),
        "p/vendor/x/ETest.php": test("ETest"),
    }
    assert sorted(entries_of(files)) == [
        "p/tests/Alone.php",
        "p/tests/any/old/check-it.php",
        "p/tests/unit/ATest.php",
        "p/tests/unit/deep/BTest.php",
    ]


def test_pest_by_its_calls() -> None:
    source = """\
        <?php
        beforeEach(function () { it('is no test', fn () => 1); });

        test('one', function () { test()->helper(); });
        it('works', fn () => 1)->with([1, 2])->group('fast');

        describe('outer', function () {
            describe('inner', function () {
                it('nests', function () {});
            });
        });
        foreach (['a'] as $each) {
            test("each $each", function () {});
        }
        arch('layers')->expect('App')->toBeClasses();
        arch()->preset()->php();
        test()->get('/')->assertOk();
    """
    entry = entries_of({"p/tests/ThingTest.php": source, **PEST})["p/tests/ThingTest.php"]
    assert (entry["framework"], entry["suites"]) == ("pest", 2)
    assert [(each["name"], each["line"]) for each in entry["cases"]] == [
        ("one", 4),
        ("it works", 5),
        ("outer::inner::it nests", 9),
        ("each $each", 13),
        ("layers", 15),
        ("arch->preset->php", 16),
        ("test->get->assertOk", 17),
    ]


def test_statuses_of_pest() -> None:
    source = """\
        <?php
        it('is active', fn () => 1)->skip(false);
        it('skips', fn () => 1)->skip('why');
        it('skips there', fn () => 1)->skipOnWindows();
        it('is alone', fn () => 1)->only();
        it('is planned', fn () => 1)->todo();
        it('is empty');
        todo('comes');
        it('fails', fn () => 1)->fails();
        describe('off', function () {
            it('is off', fn () => 1);
        })->skip();
        describe('all', function () {
            beforeEach()->skip();
            it('is one', fn () => 1);
        });
    """
    assert statuses(source) == {
        "it is active": "active",
        "it skips": "skipped",
        "it skips there": "skipped",
        "it is alone": "focused",
        "it is planned": "todo",
        "it is empty": "todo",
        "comes": "todo",
        "it fails": "xfail",
        "off::it is off": "skipped",
        "all::it is one": "skipped",
    }


def test_calls_are_pests_where_an_import_the_package_or_the_name_says_so() -> None:
    source = "<?php\nit('works', function () {});"
    named = "<?php\nuse function Pest\\Laravel\\get;\nit('works', fn () => 1);"
    assert entries_of({"p/spec/thing.php": named}) == {}
    configuration = {"p/phpunit.xml": '<testsuite><directory suffix=".php">spec</directory></testsuite>'}
    assert entries_of({"p/spec/thing.php": source, **configuration}) == {}
    assert (
        entries_of({"p/spec/thing.php": source, **configuration, **PEST})["p/spec/thing.php"]["framework"]
        == "pest"
    )
    assert entries_of({"p/spec/thing.php": named, **configuration})["p/spec/thing.php"]["framework"] == "pest"
    assert entries_of({"p/tests/ThingTest.php": source})["p/tests/ThingTest.php"]["framework"] == "pest"
