"""JavaScript and TypeScript: tests, suites, statuses, and which framework runs a file."""

from __future__ import annotations

import json

import pytest

from src.inventory import Inventory
from src.inventory.javascript.globs import matches, searches
from tests.inventory.build import inventory_of

TEST = "it('adds', () => {})\n"


def cases(source: str, path: str = "a.test.js") -> list[tuple[str, str]]:
    document = inventory_of({path: source})
    return [(case["name"], case["status"]) for entry in document["entries"] for case in entry["cases"]]


def frameworks(document: Inventory) -> dict[str, str]:
    return {entry["path"]: entry["framework"] for entry in document["entries"]}


def package(**values: object) -> str:
    return json.dumps(values)


# Spelling


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("it('a', () => {})", "active"),
        ("test('a', async function () {})", "active"),
        ("specify(`a`, f)", "active"),
        ("it.skip('a', f)", "skipped"),
        ("xit('a', f)", "skipped"),
        ("xtest('a', f)", "skipped"),
        ("test.fixme('a', f)", "skipped"),
        ("it.only('a', f)", "focused"),
        ("fit('a', f)", "focused"),
        ("it.todo('a')", "todo"),
        ("it('a')", "todo"),
        ("test.failing('a', f)", "xfail"),
        ("it.fails('a', f)", "xfail"),
        ("test.fail('a', async ({ page }) => {})", "xfail"),
        ("it.each([1, 2])('a', f)", "active"),
        ("it.each`n\n${1}`('a', f)", "active"),
        ("it.skip.each([1])('a', f)", "skipped"),
        ("it.concurrent.only('a', f)", "focused"),
        ("test.skipIf(process.env.CI)('a', f)", "skipped"),
        ("test.runIf(ok).each([1])('a', f)", "skipped"),
        ("test.each<Row>([])('a', f)", "active"),
        ("test('a', { skip: true }, f)", "skipped"),
        ("test('a', { skip: false, only: true }, f)", "focused"),
        ("test('a', { todo: 'later' }, f)", "todo"),
        ("it('a', function () { this.skip() })", "skipped"),
        ("it('a', (t) => { t.skip('not here'); rest() })", "skipped"),
        ("test('a', async ({ page }) => { test.fixme(browser === 'x', 'why'); })", "skipped"),
        ("it('a', () => { pending('later') })", "skipped"),
        ("it('a', () => { rest(); this.skip() })", "active"),
        ("const maybe = process.env.CI ? it.skip : it\nmaybe('a', f)", "skipped"),
        ("const run = test.extend({ page: f })\nrun('a', f)", "active"),
        ("describe.skip('s', () => { it.only('a', f) })", "skipped"),
        ("xdescribe('s', () => { it('a', f) })", "skipped"),
        ("describe.only('s', () => { it('a', f) })", "focused"),
        ("fdescribe('s', () => { describe('t', () => it('a', f)) })", "focused"),
        ("test.describe.fixme('s', () => { test('a', f) })", "skipped"),
        (
            "test.describe('s', () => { test.skip(({ name }) => name === 'x', 'why'); test('a', f) })",
            "skipped",
        ),
        ("test.skip(isMac, 'why')\ntest('a', f)", "skipped"),
    ],
)
def test_status(source: str, status: str) -> None:
    found = cases(source, "a.test.ts")
    assert [each for _, each in found] == [status]
    assert found[0][0].rpartition("::")[2] == "a"


@pytest.mark.parametrize(
    "source",
    [
        "/x/.test('a', f)",
        "pattern.test(text)",
        "test.describe.configure({ mode: 'serial' })",
        "test.use({ a: 1 })",
        "test.beforeEach(f)",
        "test.step('a', f)",
        "test.skip()",
        "test.extend({ page: f })",
        "it.each([1])",
        "describe('a', () => {})",
        "test(text)",
        "// it('a', f)",
        "const s = `it('a', f)`",
    ],
)
def test_no_test(source: str) -> None:
    assert cases(source) == []


def test_suites_nest_and_names_join() -> None:
    document = inventory_of(
        {
            "a.test.js": """
                describe('outer', () => {
                  beforeEach(() => { it('no', f) });
                  describe.each([1, 2])('inner %i', (n) => {
                    it('one', f);
                    for (const x of [1, 2]) { it(`is ${x}`, f); }
                  });
                  [1, 2].forEach((n) => { it('of ' + n, f); });
                  context(Name.of, () => { it('two', f); });
                });
                if (ok) it('three', f);
                function shared() { it('four', f); }
            """,
        }
    )
    entry = document["entries"][0]
    assert [(case["name"], case["line"]) for case in entry["cases"]] == [
        ("outer::inner %i::one", 5),
        ("outer::inner %i::is ${x}", 6),
        ("outer::'of ' + n", 8),
        ("outer::Name.of::two", 9),
        ("three", 11),
        ("four", 12),
    ]
    assert (entry["suites"], entry["tests"]) == (3, 6)


def test_tests_within_tests_of_node() -> None:
    source = """
        const test = require('node:test')
        test('outer', async (t) => {
          await t.test('inner', (t) => { t.skip() })
          t.plan(1)
        })
        test(function named() {})
    """
    assert cases(source) == [("outer", "active"), ("outer::inner", "skipped"), ("named", "active")]


def test_names_that_a_framework_is_imported_under() -> None:
    source = """
        import check, { it as works, describe as about } from 'node:test'
        about('s', () => { works('a', f) })
        check('b', f)
    """
    assert cases(source) == [("s::a", "active"), ("b", "active")]
    assert cases("import * as v from 'vitest'\nv.describe('s', () => { v.it.skip('a', f) })") == [
        ("s::a", "skipped")
    ]


def test_languages() -> None:
    files = {f"a.test.{ending}": TEST for ending in ("cjs", "cts", "js", "jsx", "mjs", "mts", "ts", "tsx")}
    document = inventory_of(files)
    assert {name: counts["files"] for name, counts in document["by_language"].items()} == {
        "javascript": 4,
        "typescript": 4,
    }


def test_types_and_markup() -> None:
    assert cases(
        "const f = <T,>(x: T): x is T => !!x;\nit('a', () => { render(<App<number> a={1} />) })", "a.test.tsx"
    )
    assert cases("const a = <number>b;\nit('a', () => {})", "a.test.ts")


# Which framework


@pytest.mark.parametrize(
    ("source", "framework"),
    [
        ("import { it } from 'vitest'\n", "vitest"),
        ("import { it } from '@jest/globals'\n", "jest"),
        ("import { test as it } from '@playwright/test'\n", "playwright"),
        ("const { it } = require('node:test')\n", "node:test"),
        ("const { it } = require('mocha')\n", "mocha"),
        ("/// uses its globals\ncy.visit('/')\n", "cypress"),
        ("vi.mock('x')\n", "vitest"),
        ("jest.mock('x')\n", "jest"),
        ("", "jest"),
    ],
)
def test_framework_by_imports_then_by_globals(source: str, framework: str) -> None:
    assert frameworks(inventory_of({"a.test.js": source + TEST})) == {"a.test.js": framework}


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({"package.json": package(devDependencies={"vitest": "1"})}, {"src/a.test.ts": "vitest", "src/b.spec.ts": "vitest"}),
        ({"package.json": package(dependencies={"react-scripts": "5"})}, {"src/__tests__/c.ts": "jest", "src/a.test.ts": "jest", "src/b.spec.ts": "jest"}),
        ({"jest.config.js": "module.exports = { testMatch: ['<rootDir>/src/*.spec.ts'] }"}, {"src/b.spec.ts": "jest"}),
        ({"jest.config.ts": "const c: Config = { testRegex: '/__tests__/.*\\\\.ts$' }\nexport default c"}, {"src/__tests__/c.ts": "jest"}),
        ({"package.json": package(jest={"testPathIgnorePatterns": ["/src/"]})}, {}),
        ({"jest.config.json": package(projects=[{"testMatch": ["**/a.test.ts"]}, {"testMatch": ["**/b.spec.ts"]}])}, {"src/a.test.ts": "jest", "src/b.spec.ts": "jest"}),
        ({"jest.config.js": "module.exports = { roots: ['<rootDir>/lib'] }"}, {}),
        ({"vitest.config.ts": "export default defineConfig({ test: { include: ['**/c.ts'], coverage: { include: ['x'] } } })"}, {"src/__tests__/c.ts": "vitest"}),
        ({"vite.config.mts": "export default defineConfig(({ mode }) => ({ test: { exclude: [...configDefaults.exclude, 'src/a.*'] } }))"}, {"src/b.spec.ts": "vitest"}),
        ({"vitest.config.js": "export default { test: { include: ['none'], projects: [{ test: { include: ['src/{a,z}.test.*'] } }] } }"}, {"src/a.test.ts": "vitest"}),
        ({"playwright.config.ts": "export default defineConfig({ testDir: './src', testMatch: /b\\.spec\\.ts/ })"}, {"src/b.spec.ts": "playwright"}),
        ({"playwright.config.ts": "export default { testDir: './e2e' }", "package.json": package(devDependencies={"vitest": "1", "@playwright/test": "1"})}, {"src/a.test.ts": "vitest", "src/b.spec.ts": "vitest", "e2e/d.spec.ts": "playwright"}),
        ({"cypress.config.js": "module.exports = { e2e: { specPattern: 'e2e/**/*.spec.ts' } }"}, {"e2e/d.spec.ts": "cypress"}),
        ({".mocharc.json": '// ours\n{ "spec": ["src/**/*.spec.ts"], }'}, {"src/b.spec.ts": "mocha"}),
        ({".mocharc.yml": "extension: [ts]\nspec:\n  - src # all\n"}, {"src/a.test.ts": "mocha", "src/b.spec.ts": "mocha"}),
        ({"package.json": package(scripts={"test": "nyc mocha -r ts-node/register --timeout 5 'src/*.spec.ts' && echo"})}, {"src/b.spec.ts": "mocha"}),
        ({"package.json": package(scripts={"unit": "npm run base -- e2e/*.ts", "base": "mocha -R dot"})}, {"e2e/d.spec.ts": "mocha"}),
        ({"package.json": package(scripts={"test": "node --import tsx --test e2e/*.ts"})}, {"e2e/d.spec.ts": "node:test"}),
        ({"src/package.json": package(devDependencies={"mocha": "1"}), "package.json": package(devDependencies={"jest": "1"}), "src/.mocharc.yml": "spec: '*.test.ts'"}, {"e2e/d.spec.ts": "jest", "src/a.test.ts": "mocha"}),
    ],
)  # fmt: skip
def test_framework_by_settings_and_their_scope(settings: dict[str, str], taken: dict[str, str]) -> None:
    files = dict.fromkeys(
        ("src/a.test.ts", "src/b.spec.ts", "src/__tests__/c.ts", "e2e/d.spec.ts", "helper.ts"), TEST
    )
    found = frameworks(inventory_of({f"p/{path}": text for path, text in {**files, **settings}.items()}))
    if "src/package.json" not in settings and "e2e/d.spec.ts" not in taken:
        found.pop("p/e2e/d.spec.ts", None)
    assert found == {f"p/{path}": framework for path, framework in taken.items()}


def test_an_import_outweighs_the_settings_of_other_frameworks() -> None:
    files = {
        "package.json": package(devDependencies={"jest": "1"}),
        "a.test.js": "import it from 'node:test'\n" + TEST,
        "b.test.js": TEST,
    }
    assert frameworks(inventory_of(files)) == {"a.test.js": "node:test", "b.test.js": "jest"}


def test_shared_suites_count_where_they_are_written_if_a_test_file_imports_them() -> None:
    files = {
        "a.test.ts": "import { check } from './shared/suite.js'\nit('a', f)\n",
        "shared/suite.ts": "export function check() { describe('shared', () => { it('b', f) }) }\n",
        "shared/other.ts": TEST,
    }
    document = inventory_of(files)
    assert frameworks(document) == {"a.test.ts": "jest", "shared/suite.ts": "jest"}
    assert document["tests"] == 2


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("**/*.{test,spec}.?(c|m)[jt]s?(x)", "a/b.spec.mts", True),
        ("**/*.{test,spec}.?(c|m)[jt]s?(x)", "b.test.tsx", True),
        ("**/*.{test,spec}.?(c|m)[jt]s?(x)", "b.tests.ts", False),
        ("**/?(*.)+(spec|test).[jt]s?(x)", "a/test.js", True),
        ("src/*.js", "src/a/b.js", False),
        ("src/**/*.js", "src/b.js", True),
        ("!(a|b).js", "a.js", False),
        ("!(a|b).js", "c.js", True),
        ("**", "a/b", True),
        ("*(", "a", False),
        ("a[", "a", False),
        ("/".join(["**"] * 50 + ["z"]), "/".join("a" * 500), False),
        ("*a" * 100, "a" * 300, False),
        ("{a,b}" * 40, "a", False),
    ],
)
def test_globs(pattern: str, path: str, does: bool) -> None:
    assert matches(pattern, path) is does


def test_regular_expressions_that_could_take_long_find_nothing() -> None:
    assert searches(r"\/__tests__\/.*\.js$", "/a/__tests__/b.js")
    assert not searches(r"(a+)+$", "a" * 60)
    assert not searches(r"(", "(")
