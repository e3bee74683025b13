"""The status that decorators and `pytestmark` give to Python tests."""

import ast
from collections.abc import Iterable, Iterator

from src.inventory.document import Status
from src.inventory.python.names import Names, statements

_SKIP = frozenset(
    ["pytest.mark.skip", "pytest.mark.skipif"]
    + [f"unittest.{module}{name}" for module in ("", "case.") for name in ("skip", "skipIf", "skipUnless")]
)
_XFAIL = frozenset({"pytest.mark.xfail", "unittest.expectedFailure", "unittest.case.expectedFailure"})
_MODULE_SKIP = frozenset({"pytest.skip", "unittest.SkipTest", "unittest.case.SkipTest"})


def strongest(found: Iterable[Status]) -> Status:
    """The status that wins where several apply: a skipped test is never run, so it cannot fail either."""
    statuses = set(found)
    for status in ("skipped", "xfail"):
        if status in statuses:
            return status
    return "active"


def decorated(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, names: Names) -> Status:
    """The status by the decorators alone; a condition counts as if it held."""
    return strongest(_status(decorator, names) for decorator in node.decorator_list)


def marked(body: list[ast.stmt], names: Names) -> Status:
    """The status that a module or class gives to all in it by `pytestmark`."""
    found: list[Status] = []
    for statement in statements(body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and _assigns(statement, "pytestmark"):
            found += [_status(mark, names) for mark in _elements(statement.value, names)]
    return strongest(found)


def skips_module(tree: ast.Module, names: Names) -> bool:
    """Whether the module itself calls `pytest.skip` or raises `SkipTest`, be it on a condition."""
    for statement in statements(tree.body):
        value = statement.value if isinstance(statement, ast.Expr) else None
        value = statement.exc if isinstance(statement, ast.Raise) else value
        if value is not None and names.resolve(value) in _MODULE_SKIP:
            return True
    return False


def _status(mark: ast.expr, names: Names) -> Status:
    name = names.resolve(mark)
    if name in _SKIP:
        return "skipped"
    return "xfail" if name in _XFAIL else "active"


def _assigns(statement: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _elements(value: ast.expr | None, names: Names) -> Iterator[ast.expr]:
    """The marks of a list, of a variable that holds one, and of sums of both."""
    seen: set[int | str] = set()
    pending: list[ast.expr | None] = [value]
    while pending:
        value = pending.pop()
        which = value.id if isinstance(value, ast.Name) else id(value)
        if value is None or which in seen:
            continue
        seen.add(which)
        names.spend()
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            names.spend(len(value.elts))
            yield from value.elts
        elif isinstance(value, ast.BinOp):
            pending += [value.left, value.right]
        elif isinstance(value, ast.Name) and value.id in names.collections:
            pending += names.collections[value.id]
        else:
            yield value
