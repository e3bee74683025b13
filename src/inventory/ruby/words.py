"""The words by which frameworks declare groups and tests, and the statuses that they, and marks on them, give."""

from collections.abc import Iterable, Iterator

from tree_sitter import Node

from src.inventory.document import Status
from src.inventory.syntax.parsing import Source, uncommented

_PLAIN_GROUPS = ("describe", "context", "feature", "example_group")
_PLAIN_TESTS = ("it", "specify", "example", "scenario", "its")
#: `describe`, `xdescribe`, `fdescribe`, and the like.
GROUPS: dict[str, Status] = {
    **dict.fromkeys(_PLAIN_GROUPS, "active"),
    **{f"x{word}": "skipped" for word in _PLAIN_GROUPS},
    **{f"f{word}": "focused" for word in _PLAIN_GROUPS},
    "sub_test_case": "active",
}
#: Tests that stand in a group, or in a class of minitest/spec.
TESTS: dict[str, Status] = {
    **dict.fromkeys(_PLAIN_TESTS, "active"),
    **{f"x{word}": "skipped" for word in _PLAIN_TESTS},
    **{f"f{word}": "focused" for word in _PLAIN_TESTS},
    "skip": "skipped",
    "pending": "xfail",
    "focus": "focused",
}
#: Tests that stand in a class: Rails' and test-unit's, and shoulda's, which stand in its `context` too.
CLASS_TESTS: dict[str, Status] = {
    "test": "active",
    "should": "active",
    "should_not": "active",
    "should_eventually": "todo",
}
#: Those that shoulda's matchers stand behind: `should belong_to(:user)`.
MATCHED = frozenset({"should", "should_not"})
#: Groups of tests that run where they are used, and what uses them or a module.
SHARED = frozenset({"shared_examples", "shared_examples_for", "shared_context"})
USES = frozenset(
    {"it_behaves_like", "it_should_behave_like", "include_examples", "include_context", "behaves_like"}
    | {"include", "prepend"}
)
#: Calls whose blocks run later, or inside a test.
CLOSED = frozenset(
    {"let", "let!", "subject", "subject!", "after", "around", "setup", "teardown", "given", "background", "lambda", "proc"}
    | {"define_method", "setup_all", "startup", "shutdown", "before_all", "to_create", "task", "at_exit"}
)  # fmt: skip
_MARKS: dict[str, Status] = {"skip": "skipped", "pending": "xfail", "focus": "focused"}
#: What ends a test that begins with it.
_ENDS: dict[str, Status] = {"skip": "skipped", "omit": "skipped", "pending": "xfail", "pend": "todo"}


def marked(source: Source, arguments: Iterable[Node]) -> Iterator[Status]:
    """What `:skip` and `focus: true` say."""
    for each in arguments:
        if each.type == "simple_symbol":
            key, value = source.text(each), ""
        elif each.type == "pair":
            key, value = (
                source.text(each.child_by_field_name("key")),
                source.text(each.child_by_field_name("value")),
            )
        else:
            continue
        status = _MARKS.get(key.strip(":\"' "))
        if status and value not in {"false", "nil"}:
            yield status


def ended(source: Source, body: Node | None) -> Iterator[Status]:
    """What the first statement of a test says, if it always ends the test."""
    first = next(uncommented(body), None)
    if first is None:
        return
    word = source.text(first)
    if first.type == "call":
        word = (
            "" if first.child_by_field_name("receiver") else source.text(first.child_by_field_name("method"))
        )
        if first.child_by_field_name("block"):
            return
    if status := _ENDS.get(word):
        yield status
