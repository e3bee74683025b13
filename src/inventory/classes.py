"""Which classes of a Python file are test classes by pytest's default rule."""

import ast
from collections.abc import Iterator

from src.inventory.document import Status
from src.inventory.marks import decorated, marked, strongest
from src.inventory.names import Names, statements

Scope = dict[str, ast.stmt]
"""The functions and classes of one scope by name; a later definition replaces an earlier one."""

# Bases known to be unittest's without seeing their source; others count when the file itself derives them.
_TEST_CASES = frozenset(
    {
        "unittest.TestCase",
        "unittest.IsolatedAsyncioTestCase",
        "unittest.case.TestCase",
        "unittest.async_case.IsolatedAsyncioTestCase",
        "django.test.SimpleTestCase",
        "django.test.TransactionTestCase",
        "django.test.TestCase",
        "django.test.LiveServerTestCase",
        "django.contrib.staticfiles.testing.StaticLiveServerTestCase",
        "twisted.trial.unittest.TestCase",
        "twisted.trial.unittest.SynchronousTestCase",
    }
)
# Bases looked at per class; each of a thousand classes may derive the next.
_LONGEST_LINE = 50
_CONSTRUCTORS = frozenset({"__init__", "__new__"})
# Bases that bring a constructor, so that pytest does not collect what derives them.
_CONSTRUCTED = frozenset(
    [f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")]
    + [
        f"{module}.{name}"
        for module in ("typing", "typing_extensions")
        for name in ("NamedTuple", "Protocol")
    ]
    + ["Exception", "BaseException"]
)
_FILLED_IN = frozenset({"dataclass", "dataclasses.dataclass", "attr.s", "attrs.define", "attr.define"})


def definitions(body: list[ast.stmt]) -> Scope:
    """The functions and classes that a module's or class's body leaves defined."""
    return {
        statement.name: statement
        for statement in statements(body)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }


class Classes:
    """Looks at a class together with those of its bases that the same file defines."""

    def __init__(self, names: Names, module: Scope) -> None:
        self._names = names
        self._module = module

    def is_collected(self, node: ast.ClassDef, scope: Scope) -> bool:
        """Whether pytest collects it: a unittest.TestCase of any name, or `Test*` without a constructor."""
        wish = self._wish(node, scope)
        if wish is False or self.is_test_case(node, scope):
            return wish is not False
        return (node.name.startswith("Test") or wish is True) and not self._has_constructor(node, scope)

    def is_test_case(self, node: ast.ClassDef, scope: Scope) -> bool:
        return any(
            self._names.resolve(base) in _TEST_CASES
            for cls in self._line(node, scope)
            for base in cls.bases
            if self._named(base, scope) in (None, cls)
        )

    def status(self, node: ast.ClassDef, scope: Scope) -> Status:
        """What the class's own marks and those of its bases in the file give to its tests."""
        return strongest(
            status
            for cls in self._line(node, scope)
            for status in (decorated(cls, self._names), marked(cls.body, self._names))
        )

    def _line(self, node: ast.ClassDef, scope: Scope) -> Iterator[ast.ClassDef]:
        seen: set[int] = set()
        pending = [node]
        while pending and len(seen) < _LONGEST_LINE:
            cls = pending.pop(0)
            if id(cls) not in seen:
                seen.add(id(cls))
                yield cls
                pending += [base for base in (self._named(base, scope) for base in cls.bases) if base]

    def _named(self, base: ast.expr, scope: Scope) -> ast.ClassDef | None:
        base = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(base, ast.Name):
            return None
        found = scope.get(base.id, self._module.get(base.id))
        return found if isinstance(found, ast.ClassDef) else None

    def _wish(self, node: ast.ClassDef, scope: Scope) -> bool | None:
        wishes = (wish(cls.body) for cls in self._line(node, scope))
        return next((wish for wish in wishes if wish is not None), None)

    def _has_constructor(self, node: ast.ClassDef, scope: Scope) -> bool:
        return any(
            _CONSTRUCTORS & definitions(cls.body).keys()
            or any(self._names.resolve(base) in _CONSTRUCTED for base in cls.bases)
            or any(self._names.resolve(decorator) in _FILLED_IN for decorator in cls.decorator_list)
            for cls in self._line(node, scope)
        )


def wish(body: list[ast.stmt]) -> bool | None:
    """What a module or class asks for itself by `__test__ = True` or `False`."""
    for statement in statements(body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if "__test__" in names:
                return bool(statement.value.value)
    return None
