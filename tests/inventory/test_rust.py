"""Rust: libtest, and the frameworks whose tests it runs."""

from __future__ import annotations

import posixpath
import time
from typing import Any

import pytest

from src.inventory import Inventory
from src.inventory.rust import expansion, tokens
from src.inventory.rust.crates import Crates, Links
from src.inventory.rust.items import Module
from src.inventory.rust.manifest import Manifest, manifest
from tests.inventory.build import inventory_of

PACKAGE = '[package]\nname = "p"\n'


def cases(document: Inventory) -> list[tuple[str, int, str]]:
    return [
        (each["name"], each["line"], each["status"])
        for entry in document["entries"]
        for each in entry["cases"]
    ]


def of(source: str) -> list[tuple[str, int, str]]:
    return cases(inventory_of({"p/src/lib.rs": source}))


def paths(files: dict[str, str]) -> list[str]:
    return [entry["path"] for entry in inventory_of(files)["entries"]]


def test_one_entry_has_the_modules_and_tests_of_a_file() -> None:
    source = """\
        fn add() {}

        #[cfg(test)]
        mod tests {
            use super::*;

            /// Adds.
            #[test]
            fn adds() { fn inner() {} }

            fn helper() {}

            mod deep {
                #[test]
                #[ignore = "slow"]
                pub(crate) async fn adds_again() {}
            }
            mod empty {}
        }
    """
    assert inventory_of({"p/src/lib.rs": source})["entries"] == [
        {
            "path": "p/src/lib.rs",
            "language": "rust",
            "framework": "libtest",
            "suites": 2,
            "tests": 2,
            "cases": [
                {"name": "tests::adds", "line": 9, "status": "active"},
                {"name": "tests::deep::adds_again", "line": 16, "status": "skipped"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("attributes", "framework", "status"),
    [
        ("#[test]", "libtest", "active"),
        ("#[core::prelude::v1::test]", "libtest", "active"),
        ('#[tokio::test(flavor = "multi_thread")]', "libtest", "active"),
        ("#[async_std::test]", "libtest", "active"),
        ("#[actix_rt::test]", "libtest", "active"),
        ("#[test_log::test(tokio::test)]", "libtest", "active"),
        ("#[rstest] #[case(1)] #[case(2)]", "rstest", "active"),
        ("#[rstest] #[tokio::test]", "rstest", "active"),
        ("#[rstest] #[case(1)] #[ignore] #[case::two(2)]", "rstest", "active"),
        ("#[rstest] #[case(1)] #[ignore] #[case::two(2)] #[ignore]", "rstest", "skipped"),
        ("#[rstest] #[ignore] #[case(1)] #[case(2)]", "rstest", "skipped"),
        ("#[test_case(1 => ignore)] #[test_case(2 => 3)]", "test-case", "active"),
        ('#[test_case(1 => ignore["why"] 2)] #[test_case(2 => inconclusive)]', "test-case", "skipped"),
        ("#[test_case(1)] #[test_case(2)] #[ignore]", "test-case", "skipped"),
        ("#[apply(numbers)]", "rstest", "active"),
        ("#[apply(test!)]", "libtest", "active"),
        ("#[macro_rules_attribute::apply(smol_macros::test!)]", "libtest", "active"),
        ('#[test_case(1; "one")] #[test_case(2)]', "test-case", "active"),
        ("#[test_case(1)] #[tokio::test]", "test-case", "active"),
        ("#[wasm_bindgen_test]", "wasm-bindgen-test", "active"),
        ("#[quickcheck]", "quickcheck", "active"),
        ("#[test_strategy::proptest]", "proptest", "active"),
        ("#[gtest]", "googletest", "active"),
        ('#[test] #[should_panic(expected = "no")]', "libtest", "active"),
        ("#[test] #[ignore]", "libtest", "skipped"),
        ('#[ignore = "why"] #[test]', "libtest", "skipped"),
        ("#[test] #[cfg_attr(windows, ignore)]", "libtest", "skipped"),
        ("#[test] #[cfg_attr(miri, ignore)]", "libtest", "active"),
        ("#[cfg_attr(not(loom), test, ignore)]", "libtest", "skipped"),
        ("#[test] #[cfg(windows)]", "libtest", "active"),
        ("#[test]\n#[cfg_attr(\n    windows,\n    ignore,\n)]", "libtest", "skipped"),
    ],
)  # fmt: skip
def test_attributes_that_make_a_test(attributes: str, framework: str, status: str) -> None:
    [entry] = inventory_of({"p/src/lib.rs": f"{attributes}\nfn a() {{}}\n"})["entries"]
    assert (entry["framework"], [each["status"] for each in entry["cases"]]) == (framework, [status])


@pytest.mark.parametrize(
    "source",
    [
        "fn test_a() {}",
        "#[bench] fn a(b: &mut Bencher) {}",
        "#[cfg(test)] fn a() {}",
        "#[cfg_attr(miri, test)] fn a() {}",
        "#[test] const A: u8 = 1; fn a() {}",
        "#[template] #[rstest] #[case(1)] fn numbers(#[case] n: u8) {}",
        "#[fixture] fn a() {}",
        "#[apply(checked!)] fn a() {}",
        "#[test] #[cfg(any())] fn a() {}",
        "#[cfg(not(test))] mod a { #[test] fn a() {} }",
        "#![cfg(any())] #[test] fn a() {}",
        "// #[test] fn a() {}",
        "/* #[test] fn a() {} */",
        "/// ```\n/// assert!(true);\n/// #[test]\n/// fn a() {}\n/// ```\npub fn b() {}",
        'const A: &str = r#"#[test] fn a() {}"#;',
        "macro_rules! unused { () => { #[test] fn a() {} } }",
        "fn a() { unused! { #[test] fn b() {} } }",
    ],
)  # fmt: skip
def test_no_test(source: str) -> None:
    assert of(source) == []


def test_names_that_imports_give_to_attributes() -> None:
    source = """\
        #[cfg(not(wasm))]
        use tokio::{spawn, test as maybe_test};
        #[maybe_test]
        async fn a() {}
        """
    assert of(source) == [("a", 4, "active")]


def test_macros_of_other_packages_give_their_items() -> None:
    source = """\
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(9))]
            /// Holds.
            #[test]
            fn holds(a in 0..10u8, b in any::<u8>()) { prop_assert!(a < b); }
            fn helper(a in 0..1u8) {}
        }
        quickcheck! {
            fn reverses(xs: Vec<u8>) -> bool { true }
            fn doubles(x: u8) -> bool { true }
        }
        cfg_if! {
            if #[cfg(unix)] {
                #[test] fn on_unix() {}
            } else {
                #[test] #[ignore] fn elsewhere() {}
            }
        }
        paste! { #[test] fn [<with_ name>]() {} }
    """
    [entry] = inventory_of({"p/src/lib.rs": source})["entries"]
    assert [(each["name"], each["line"], each["status"]) for each in entry["cases"]] == [
        ("holds", 5, "active"),
        ("reverses", 9, "active"),
        ("doubles", 10, "active"),
        ("on_unix", 14, "active"),
        ("elsewhere", 16, "skipped"),
        ("with_name", 19, "active"),
    ]
    assert entry["framework"] == "libtest"
    alone = inventory_of({"p/src/lib.rs": "quickcheck! { fn reverses(xs: Vec<u8>) -> bool { true } }\n"})
    assert list(alone["by_framework"]) == ["quickcheck"]


def test_a_macros_test_counts_where_its_name_is_written() -> None:
    files = {
        "p/Cargo.toml": PACKAGE,
        "p/tests/it/main.rs": """\
            #[macro_use]
            mod macros;
            mod feature;
            """,
        "p/tests/it/macros.rs": """\
            macro_rules! check {
                ($name:ident, $run:expr) => {
                    #[test]
                    fn $name() { $run(1, 2) }
                };
            }
            macro_rules! suite {
                ($(#[$meta:meta])* mod $name:ident { $($each:ident: $value:expr),+ $(,)? }) => {
                    mod $name {
                        #[test]
                        fn common() {}
                        $( check!($each, $value); )+
                    }
                };
            }
            """,
        "p/tests/it/feature.rs": """\
            check!(one, |dir: Dir, mut cmd: Command| {
                cmd.run();
            });
            suite!(mod first {
                two: |a, b| (a, b),
                three: vec![1, 2],
            });
            suite! { #[doc = "it"] mod second { two: 1 } }
            """,
    }
    document = inventory_of(files)
    assert {
        entry["path"]: [(each["name"], each["line"]) for each in entry["cases"]]
        for entry in document["entries"]
    } == {
        "p/tests/it/feature.rs": [("one", 1), ("first::two", 5), ("first::three", 6), ("second::two", 8)],
        "p/tests/it/macros.rs": [("first::common", 11)],
    }
    assert [entry["suites"] for entry in document["entries"]] == [2, 0]


@pytest.mark.parametrize(
    ("pattern", "call", "names"),
    [
        ("$($name:ident)*", "a b c", "abc"),
        ("$($name:ident),* $(,)?", "a, b,", "ab"),
        ("$($name:ident => $value:tt);+", "a => 1; b => (2)", "ab"),
        ("$($name:ident: $kind:ty,)*", "a: Map<u8, u8>, b: [u8; 2],", "ab"),
        ("$(($name:ident, $text:literal))*", '(a, "x") (b, -1)', "ab"),
        ("$($(#[$m:meta])* $v:vis fn $name:ident() $body:block)*", "#[x(1)] pub fn a() { f(); } fn b() {}", "ab"),
        ("@inner $name:ident $($rest:tt)*", "@inner a 1 2 { 3 }", "a"),
        ("$name:ident $(where $($life:lifetime),*)?", "a where 'x, 'y", "a"),
        ("$path:path, $name:ident, $pattern:pat => $item:item", "a::b::<C, D>, a, Some(x) => use x::{y};", "a"),
        ("$name:ident, $($step:expr),*", "a, vec vec![]", ""),
        ("$name:ident, vec $all:expr", "a, vec vec![1]", "a"),
        ("$name:ident", "a b", ""),
        ("$name:ident, $(,)?", "a;", ""),
    ],
)  # fmt: skip
def test_patterns_of_macros(pattern: str, call: str, names: str) -> None:
    body = "$(#[test] fn $name() {})*" if pattern.startswith("$(") else "#[test] fn $name() {}"
    source = f"macro_rules! m {{ ({pattern}) => {{ {body} }}; }}\nm! {{ {call} }}\n"
    assert [name for name, _, _ in of(source)] == list(names)


def test_of_two_macros_with_one_name_the_nearest_above_is_meant() -> None:
    source = """\
        mod a {
            macro_rules! m { ($n:ident) => { #[test] fn $n() {} }; }
            m!(one);
        }
        mod b {
            macro_rules! m { ($n:ident) => { #[test] #[ignore] fn $n() {} }; }
            m!(two);
        }
    """
    assert of(source) == [("a::one", 3, "active"), ("b::two", 7, "skipped")]


TEST = "#[test]\nfn a() {}\n"
MAKES = "macro_rules! m { ($n:ident) => { #[test] fn $n() {} }; }\n"


def test_files_are_those_that_modules_lead_to() -> None:
    files = {
        "p/Cargo.toml": PACKAGE,
        "p/src/lib.rs": """\
            mod one;
            mod inline { mod two; #[path = "odd.rs"] mod odd; }
            #[cfg_attr(unix, path = "sys/unix.rs")] mod sys;
            cfg_if! { if #[cfg(x)] { mod three; } }
            macro_rules! modules { ($($name:ident)*) => { $(mod $name;)* } }
            modules! { four }
            include!("five.in.rs");
            """,
        **dict.fromkeys(
            (
                *("p/src/one/mod.rs", "p/src/inline/two.rs", "p/src/inline/odd.rs", "p/src/sys/unix.rs"),
                *("p/src/three.rs", "p/src/four.rs", "p/src/five.in.rs", "p/src/nobody.rs"),
                *("p/src/main.rs", "p/src/bin/tool.rs", "p/src/bin/other/main.rs", "p/src/bin/other/no.rs"),
                *("p/tests/a.rs", "p/tests/b/main.rs", "p/tests/common/mod.rs", "p/tests/ui/fails.rs"),
                *("p/examples/e.rs", "p/benches/b.rs", "p/build.rs"),
            ),
            TEST,
        ),
    }
    assert paths(files) == sorted(
        (
            *("p/src/one/mod.rs", "p/src/inline/two.rs", "p/src/inline/odd.rs", "p/src/sys/unix.rs"),
            *("p/src/three.rs", "p/src/four.rs", "p/src/five.in.rs"),
            *("p/src/main.rs", "p/src/bin/tool.rs", "p/src/bin/other/main.rs"),
            *("p/tests/a.rs", "p/tests/b/main.rs"),
        )
    )


def test_a_file_counts_once_whatever_leads_to_it() -> None:
    files = {
        "p/Cargo.toml": PACKAGE,
        "p/src/lib.rs": "mod shared;\n",
        "p/src/main.rs": "mod shared;\n",
        "p/tests/a.rs": '#[path = "../src/shared.rs"]\nmod shared;\n',
        "p/src/shared.rs": TEST,
    }
    assert inventory_of(files)["tests"] == 1


def test_manifests_say_which_crates_are_tested() -> None:
    manifest = """\
        [package]
        name = "p"
        autobins = false
        [lib]
        path = "lib/p.rs"
        [[bin]]
        name = "tool"
        test = false
        [[test]]
        name = "apart"
        path = "checks/apart.rs"
        [[test]]
        name = "own"
        harness = false
        [[example]]
        name = "tested"
        test = true
        [[bench]]
        name = "fast"
        harness = false
    """
    files = {
        "p/Cargo.toml": manifest,
        **dict.fromkeys(
            (
                *("p/lib/p.rs", "p/src/lib.rs", "p/src/bin/tool.rs", "p/src/bin/off.rs", "p/checks/apart.rs"),
                *("p/tests/own.rs", "p/tests/found.rs", "p/examples/tested.rs", "p/examples/not.rs", "p/benches/fast.rs"),
            ),
            TEST,
        ),
    }  # fmt: skip
    document = inventory_of(files)
    assert [entry["path"] for entry in document["entries"]] == [
        "p/checks/apart.rs",
        "p/examples/tested.rs",
        "p/lib/p.rs",
        "p/tests/found.rs",
    ]
    assert document["undecided"] == [
        {
            "path": "p/tests/own.rs",
            "line": 1,
            "name": "own",
            "reason": "its own harness (harness = false) makes its tests when it runs",
        }
    ]


def test_packages_of_a_workspace_and_copies_of_others() -> None:
    files = {
        "p/Cargo.toml": "[workspace]\nmembers = ['a']\n",
        "p/a/Cargo.toml": PACKAGE,
        "p/a/src/lib.rs": TEST,
        "p/vendor/b/Cargo.toml": PACKAGE,
        "p/vendor/b/.cargo-checksum.json": "{}",
        "p/vendor/b/src/lib.rs": TEST,
        "p/tools/loose.rs": TEST,
    }
    assert paths(files) == ["p/a/src/lib.rs", "p/tools/loose.rs"]
    copy = {"b/Cargo.toml": PACKAGE, "b/.cargo-checksum.json": "{}", "b/src/lib.rs": TEST}
    assert paths(copy) == ["b/src/lib.rs"]


@pytest.mark.parametrize(
    "manifest", ["[package\n", "a = " + "[" * 5000, b"\xff".decode("latin-1"), "package = 1"]
)
def test_a_manifest_that_cannot_be_read_says_nothing(manifest: str) -> None:
    assert paths({"p/Cargo.toml": manifest, "p/odd/a.rs": TEST}) == ["p/odd/a.rs"]


def test_what_a_file_costs_that_is_made_to_be_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_MOST_STEPS", 20_000)
    doubles = "macro_rules! m { ($($t:tt)*) => { m! { $($t)* $($t)* } #[test] fn a() {} }; }\nm! { a b }\n"
    nests = (
        "macro_rules! n { ($($t:tt)*) => { n! { "
        + "{" * 35
        + " $($t)* "
        + "}" * 35
        + " } }; ($x:tt) => { mod m {} }; }\n"
    )
    deep = "d! " + "{" * 2_000 + "}" * 2_000 + "\n#[test]\nfn b() {}\n"
    documents = inventory_of(
        {"a.rs": doubles, "b.rs": deep, "c.rs": TEST, "d.rs": f"{nests}n! {{ a }}\n{TEST}"}
    )
    assert [(entry["path"], entry["tests"]) for entry in documents["entries"] if entry["path"] != "a.rs"] == [
        ("b.rs", 1),
        ("c.rs", 1),
        ("d.rs", 1),
    ]


#: Calls whose work lies in many rules, many macros of one name, wide repetitions, and groups that hold each other.
COSTLY = {
    "rules": "macro_rules! m { " + "(x) => { mod a {} }; " * 1_000 + "}\n" + "m!(y);\n" * 200,
    "macros": "macro_rules! m { (x) => { mod a {} }; }\n" * 500 + "m!(y);\n" * 200,
    "names": (
        "macro_rules! m { ($(z {" + " ".join(f"$a{n}:tt" for n in range(1_000)) + "})* y) => { mod a {} }; }\n"
        + "m!(y);\n" * 200
    ),
    "turns": (
        "macro_rules! m { ([$($t:tt)*] " + " ".join(f"$a{n}:tt" for n in range(400)) + ") => { $($t)* mod a {} }; }\n"
        + "m!([" + "x " * 400 + "] " + "y " * 400 + ");\n"
    ),
    "groups": "macro_rules! m { ($t:tt) => { mod a {} m! { {$t $t $t $t $t $t $t $t $t $t} } }; }\nm!({});\n",
    "meta": "macro_rules! m { " + "($a:meta, x) => { mod a {} }; " * 300 + "}\nm!(" + "x " * 500 + ");\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(COSTLY))
def test_a_file_whose_macros_take_too_many_steps_is_told(kind: str) -> None:
    started = time.process_time()
    other = MAKES.replace("m {", "n {") + "n!(found);\n"
    document = inventory_of({"p/src/a.rs": COSTLY[kind], "p/src/b.rs": other})
    assert time.process_time() - started < 5
    assert [(each["path"], each["name"], each["reason"]) for each in document["undecided"]] == [
        ("p/src/a.rs", "m!", "its macros take too many steps to expand")
    ]
    assert [each["path"] for each in document["entries"]] == ["p/src/b.rs"]


def test_macros_that_are_too_large_together_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "_MOST_PARTS", 60)
    useless = "macro_rules! u { () => { " + "x " * 1_000 + "}; }\n"
    late = MAKES.replace("m {", "n {") + "x!{}\n" + MAKES.replace("m {", "o {" + " () => {a b c};" * 20)
    document = inventory_of({"p/a.rs": useless, "p/b.rs": f"{MAKES}m!(found);\n", "p/c.rs": late})
    assert document["undecided"] == [
        {
            "path": "p/c.rs",
            "line": 3,
            "name": "o!",
            "reason": "the archive's macros are too large to keep all of them",
        }
    ]
    assert document["tests"] == 1


def test_a_macro_of_the_file_that_makes_no_test_hides_others_of_its_name() -> None:
    files = {"p/a.rs": MAKES, "p/b.rs": "macro_rules! m { ($n:ident) => { const N: u8 = 1; }; }\nm!(a);\n"}
    assert inventory_of(files)["tests"] == 0


class Asked(dict[str, Links]):
    """Links, with how often a file's were asked for."""

    count = 0

    def get(self, *arguments: Any) -> Any:
        self.count += 1
        return super().get(*arguments)


def test_a_file_that_many_include_is_followed_for_some_of_their_folders() -> None:
    modules = [f"m{n}" for n in range(100)]
    shared = [f"p/src/shared{n}.rs" for n in range(20)]
    links = Asked({"p/src/lib.rs": Links(tuple(Module((), name, ()) for name in modules))})
    links |= {f"p/src/{name}.rs": Links(included=tuple(map(posixpath.basename, shared))) for name in modules}
    crates = Crates(["p/Cargo.toml", *links, *shared], {"p": manifest(PACKAGE.encode()) or Manifest()})
    built = crates.built(links)
    assert all(built.holds(path) for path in (*links, *shared))
    assert links.count <= 1 + len(modules) + 16 * len(shared)


def test_the_tokens_of_a_file_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_MOST", 1_000)
    document = inventory_of({"a.rs": TEST + "m! { " + "x " * 2_000 + "}\n", "b.rs": TEST})
    assert document["tests"] == 2
    assert [(each["path"], each["line"], each["reason"]) for each in document["undecided"]] == [
        ("a.rs", 3, "is too long to be read to its end; what follows was not counted")
    ]


def test_a_file_that_does_not_parse_is_told_if_nothing_is_found_in_it() -> None:
    document = inventory_of({"p/tests/a.rs": "#[test\nfn (((]]]\n", "p/tests/b.rs": TEST + "fn (((]]]\n"})
    assert [each["path"] for each in document["unreadable"]] == ["p/tests/a.rs"]
    assert document["tests"] == 1
    assert [(each["path"], each["line"], each["reason"]) for each in document["undecided"]] == [
        ("p/tests/b.rs", 3, "does not parse everywhere; the tests counted may not be all")
    ]
