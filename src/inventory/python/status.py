"""The status that marks give to Python tests."""

from collections.abc import Iterable

from src.inventory.document import Status

_SKIP = frozenset(
    ["pytest.mark.skip", "pytest.mark.skipif", "trial.skip"]
    + [
        f"{module}.{name}"
        for module in ("unittest", "unittest.case", "unittest2")
        for name in ("skip", "skipIf", "skipUnless")
    ]
)
_XFAIL = frozenset({"pytest.mark.xfail", "unittest.expectedFailure", "unittest.case.expectedFailure"})
_MODULE_SKIP = frozenset(
    {
        "pytest.skip",
        "pytest.importorskip",
        "unittest.SkipTest",
        "unittest.case.SkipTest",
        "twisted.trial.unittest.SkipTest",
    }
)
#: A skipped test is never run, so it can neither fail nor be to do.
_BY_STRENGTH: tuple[Status, ...] = ("active", "todo", "xfail", "skipped")


def strongest(found: Iterable[Status]) -> Status:
    """The status of a test to which several apply."""
    return max(found, key=_BY_STRENGTH.index, default="active")


def weakest(one: Status, other: Status) -> Status:
    """The status of a test that is run in two places."""
    return min(one, other, key=_BY_STRENGTH.index)


def of_mark(name: str) -> Status:
    """The status by a mark or decorator; a condition counts as if it held."""
    if name in _SKIP:
        return "skipped"
    return "todo" if name == "trial.todo" else "xfail" if name in _XFAIL else "active"


def skips_module(call: str) -> bool:
    """Whether a call or exception skips the module in which it stands."""
    return call in _MODULE_SKIP
