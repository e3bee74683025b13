"""What the names in a Python file stand for, as far as the file itself tells."""

import ast
from collections.abc import Iterator

from src.inventory.python.source import SourceUnreadable

#: A module's name is repeated for each name that is taken from it.
_LONGEST_NAME = 200
_MOST_STEPS = 1_000_000


class Names:
    """Resolves expressions to dotted names through a file's imports and its module's plain assignments.

    `import pytest as pt` and `slow = pt.mark.skip("slow")` make `@slow` resolve to `pytest.mark.skip`.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._meanings: dict[str, str] = {}
        self.collections: dict[str, list[ast.expr]] = {}
        """The lists, tuples, sets and sums that the module assigns to a name, each of several."""
        self._steps = 0
        self.imported: set[str] = set()
        """The modules that the file imports anywhere, and `module.name` for names taken from one."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self._add_import(node)
            elif isinstance(node, ast.ImportFrom):
                self._add_import_from(node)
        for statement in statements(tree.body):
            if isinstance(statement, ast.Assign):
                self._add_assignment(statement)

    def resolve(self, expression: ast.expr) -> str | None:
        """The dotted name of a name, attribute, call (its function's) or subscript; None for anything else."""
        attributes: list[str] = []
        while not isinstance(expression, ast.Name):
            if isinstance(expression, ast.Attribute):
                attributes.append(expression.attr)
                expression = expression.value
            elif isinstance(expression, ast.Call):
                expression = expression.func
            elif isinstance(expression, ast.Subscript):
                expression = expression.value
            else:
                return None
        return ".".join([self._meanings.get(expression.id, expression.id), *reversed(attributes)])

    def spend(self, steps: int = 1) -> None:
        """Count work that one place of a file may ask for at another. Raises SourceUnreadable for a file that asks for too much."""
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise SourceUnreadable("takes too much work to read: its marks refer to one another too often")

    def _add_import(self, node: ast.Import) -> None:
        for alias in node.names:
            if len(alias.name) > _LONGEST_NAME:
                continue
            self.imported.add(alias.name)
            bound = alias.name if alias.asname else alias.name.partition(".")[0]
            self._meanings[alias.asname or bound] = bound

    def _add_import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        if len(module) > _LONGEST_NAME:
            return
        for alias in node.names:
            self.imported.add(f"{module}.{alias.name}")
            self._meanings[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _add_assignment(self, node: ast.Assign) -> None:
        if isinstance(node.value, ast.List | ast.Tuple | ast.Set | ast.BinOp):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.collections.setdefault(target.id, []).append(node.value)
        meaning = self.resolve(node.value)
        # A chain of aliases grows by each one's attributes, without bound.
        if meaning is None or len(meaning) > _LONGEST_NAME:
            return
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._meanings[target.id] = meaning


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of one scope in source order, those under `if`, `try`, `with`, loops and `match` too.

    Leaves out what no import runs: `if TYPE_CHECKING`, `if __name__ == "__main__"`, `if False`.
    """
    pending = list(reversed(body))
    while pending:
        statement = pending.pop()
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            pending.extend(reversed(_inner(statement)))


def _inner(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, ast.If) and _never_true(statement.test):
        return statement.orelse
    inner: list[ast.stmt] = list(getattr(statement, "body", []))
    for handler in getattr(statement, "handlers", getattr(statement, "cases", [])):
        inner.extend(handler.body)
    return [*inner, *getattr(statement, "orelse", []), *getattr(statement, "finalbody", [])]


def _never_true(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return not test.value
    if isinstance(test, ast.Compare):
        return _is_main_guard(test)
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _is_main_guard(test: ast.Compare) -> bool:
    match test:
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]):
            return True
        case _:
            return False
