"""Go: functions of `testing`, and methods of suites."""

from __future__ import annotations

import pytest

from src.inventory import Inventory
from tests.inventory.build import inventory_of


def cases(document: Inventory) -> list[tuple[str, str]]:
    return [(case["name"], case["status"]) for entry in document["entries"] for case in entry["cases"]]


def of(source: str, path: str = "a_test.go") -> list[tuple[str, str]]:
    return cases(inventory_of({path: f"package a\n\n{source}\n"}))


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("func TestA(t *testing.T) {}", "active"),
        ("func Test(t *testing.T) {}", "active"),
        ("func Test_a(t *tt.T) { t.Run(`x`, func(t *testing.T) { t.Skip() }) }", "active"),
        ("func FuzzA(f *testing.F) { f.Add(1) }", "active"),
        ("func ExampleA() {\n\tprint(1)\n\t// Output: 1\n}", "active"),
        ("func ExampleA_b() {\n\t// Unordered output:\n\t// 1\n}", "active"),
        ("func TestA(t *testing.T) { t.Skip(`later`); a() }", "skipped"),
        ("func TestA(t *testing.T) {\n\t// why\n\tt.Skipf(`later %d`, 1)\n}", "skipped"),
        ("func TestA(tb *testing.T) { tb.SkipNow() }", "skipped"),
        ("func TestA(t *testing.T) { a(); t.Skip() }", "active"),
        ("func TestA(t *testing.T) { if testing.Short() { t.Skip() } }", "active"),
    ],
)
def test_function(source: str, status: str) -> None:
    assert [each for _, each in of(source)] == [status]


@pytest.mark.parametrize(
    "source",
    [
        "func Testify(t *testing.T) {}",
        "func TestMain(m *testing.M) {}",
        "func TestA(t *testing.T, n int) {}",
        "func TestA() {}",
        "func TestA(t *testing.T) error { return nil }",
        "func TestA[T any](t *testing.T) {}",
        "func testA(t *testing.T) {}",
        "func BenchmarkA(b *testing.B) {}",
        "func ExampleA() { print(1) }",
        "func (s S) TestA(t *testing.T) {}",
        "// func TestA(t *testing.T) {}",
        "var s = `func TestA(t *testing.T) {}`",
    ],
)
def test_no_test(source: str) -> None:
    assert of(source) == []


@pytest.mark.parametrize(
    "path",
    [
        "a.go",
        "testdata/a_test.go",
        "p/vendor/x/a_test.go",
        "p/_old/a_test.go",
        "p/.x/a_test.go",
        "p/_a_test.go",
    ],
)
def test_files_that_the_go_command_leaves_out(path: str) -> None:
    assert inventory_of({path: "package a\nfunc TestA(t *testing.T) {}\n", "z.txt": ""})["tests"] == 0


@pytest.mark.parametrize("line", ["//go:build ignore", "// +build ignore"])
def test_files_that_are_never_built(line: str) -> None:
    source = "{}\n\npackage a\nfunc TestA(t *testing.T) {{}}\n"
    assert inventory_of({"a_test.go": source.format(f"// License\n\n{line}")})["tests"] == 0
    assert inventory_of({"a_test.go": source.format("//go:build linux")})["tests"] == 1


def test_suites_whose_parts_lie_in_several_files_of_a_package() -> None:
    document = inventory_of(
        {
            "a/base_test.go": """
                package a
                type Base struct { suite.Suite }
                func (b *Base) TestInBase() {}
                type Unused struct { suite.Suite }
                func (u *Unused) TestNever() {}
            """,
            "a/suite_test.go": """
                package a
                import "github.com/stretchr/testify/suite"
                type Things struct { Base; n int }
                func TestThings(t *testing.T) { suite.Run(t, new(Things)) }
                func (s *Things) TestOne() { s.T().Skip() }
                func (s *Things) helper() {}
            """,
            "b/other_test.go": "package b\ntype Things struct{}\nfunc (s *Things) TestNo() {}\n",
        }
    )
    assert cases(document) == [
        ("Base::TestInBase", "active"),
        ("TestThings", "active"),
        ("Things::TestOne", "skipped"),
    ]
    assert [(entry["framework"], entry["suites"]) for entry in document["entries"]] == [
        ("testify", 1),
        ("testify", 1),
    ]


@pytest.mark.parametrize(
    "run", ["suite.Run(t, &S{})", "suite.Run(t, S{n: 1})", "suite.Run(t, new(S))", "_ = check.Suite(&S{})"]
)
def test_ways_to_run_a_suite(run: str) -> None:
    source = f"type S struct {{ suite.Suite }}\nfunc (s S) TestA() {{}}\nfunc init() {{ {run} }}"
    assert of(source) == [("S::TestA", "active")]
