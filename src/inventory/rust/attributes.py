"""What attributes say of the item below them."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from src.inventory.document import Status
from src.inventory.rust.tokens import Group, Part, Token, is_group, is_word, split, text_of

#: Attributes that make a function a test, by the last part of their path, and the frameworks they are of. Those of the
#: asynchronous runtimes (`#[tokio::test]`, `#[async_std::test]`, `#[actix_rt::test]`) make tests of libtest.
_TESTS = {
    "test": "libtest",
    "async_test": "libtest",
    "gtest": "googletest",
    "rstest": "rstest",
    "apply": "rstest",
    "test_case": "test-case",
    "test_matrix": "test-case",
    "parameterized": "parameterized",
    "dir_test": "dir-test",
    "quickcheck": "quickcheck",
    "proptest": "proptest",
    "property_test": "proptest",
    "wasm_bindgen_test": "wasm-bindgen-test",
}
#: Conditions that do not hold in any run of tests.
_NEVER = frozenset({"any()", "false", "FALSE", "not(test)", "doc", "doctest"})
#: Conditions of an interpreter in which tests hardly ever run.
_RARE = frozenset({"miri", "any(miri)", "all(miri)"})


#: `#[test_case(1 => ignore)]`
_LEFT_OUT = re.compile(r"=>(?:ignore|inconclusive)\b")
_USE = re.compile(rb"\buse\s[^;]{0,500}?;")
#: `#[apply(checked!)]` of macro_rules_attribute, whose macros often are named after the test that they make.
_APPLIED = re.compile(r"apply\((?:\w+::)*(\w+)!")
_ALIAS = re.compile(rb"\b(\w+)\s+as\s+(\w+)")


def aliases(content: bytes) -> dict[str, str]:
    """The names that a file's imports give to attributes: `use tokio::test as slow_test;`."""
    pairs = (pair.groups() for use in _USE.findall(content) for pair in _ALIAS.finditer(use))
    found = {alias.decode(): name.decode() for name, alias in pairs}
    return {alias: name for alias, name in found.items() if name in _TESTS and alias not in _TESTS}


class Attributes(NamedTuple):
    """What the attributes of an item say together."""

    framework: str = ""
    """The framework of the test that they make of a function; empty if they make none."""
    status: Status = "active"
    is_never: bool = False
    """The item is never built for a test."""
    paths: tuple[str, ...] = ()
    """Where the file of a module lies."""
    is_template: bool = False
    """A function whose attributes are meant for others."""
    cases: int = 0
    ignored: int = 0
    """Cases that are left out by themselves."""
    is_of_case: bool = False
    """Attributes behind rstest's `#[case]` are those of the case."""


def attributes(groups: Iterable[Group]) -> Attributes:
    """What the attributes `#[…]` of an item say."""
    found = Attributes()
    for group in groups:
        for parts in _spelled(group.parts):
            found = _with(_counted(found, parts), parts)
    if 0 < found.cases <= found.ignored:
        found = found._replace(status="skipped")
    return found._replace(framework="") if found.is_template else found


def _spelled(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    """The attributes that a `cfg_attr` stands for; another is itself."""
    if not (is_word(parts[0] if parts else None, "cfg_attr") and len(parts) > 1):
        yield parts
        return
    group = parts[1]
    condition, *rest = (list(split(group.parts)) if isinstance(group, Group) else []) or [()]
    if text_of(condition) not in _NEVER | _RARE:
        for each in rest:
            yield from _spelled(each)


def _counted(found: Attributes, parts: tuple[Part, ...]) -> Attributes:
    """Note a case of a test that has several."""
    if is_word(parts[0] if parts else None, "case"):
        return found._replace(cases=found.cases + 1, is_of_case=True)
    if _name(parts) == "test_case":
        is_ignored = bool(_LEFT_OUT.search(text_of(parts)))
        return found._replace(cases=found.cases + 1, ignored=found.ignored + is_ignored)
    return found


def _with(found: Attributes, parts: tuple[Part, ...]) -> Attributes:
    name = _name(parts)
    if name == "ignore" and found.is_of_case:
        return found._replace(ignored=found.ignored + 1)
    if name == "ignore":
        return found._replace(status="skipped")
    if name == "cfg":
        return found._replace(is_never=found.is_never or text_of(parts[1:])[1:-1] in _NEVER)
    if name == "path":
        return found._replace(paths=(*found.paths, text_of(parts[2:]).strip('"')))
    if name == "template":
        return found._replace(is_template=True)
    framework = _framework(name, parts)
    return found._replace(framework=framework) if framework and _is_stronger(framework, found) else found


def _framework(name: str, parts: tuple[Part, ...]) -> str:
    """The framework of the test that an attribute makes."""
    if name == "apply" and (applied := _APPLIED.search(text_of(parts))):
        return "libtest" if applied[1].endswith("test") else ""
    return _TESTS.get(name, "")


def _is_stronger(framework: str, found: Attributes) -> bool:
    """`#[test_case(1)] #[tokio::test]` is a test of test-case."""
    return not found.framework or found.framework == "libtest" or framework == "rstest"


def _name(parts: tuple[Part, ...]) -> str:
    """The last part of an attribute's path."""
    name = ""
    for part in parts:
        if is_group(part, "(") or not isinstance(part, Token) or part.text == "=":
            break
        name = part.text
    return name
