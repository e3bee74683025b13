"""Which classes of a Python file are test classes by pytest's default rule."""

import ast
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from src.inventory.document import Status
from src.inventory.python.marks import decorated, marked, strongest
from src.inventory.python.names import Names, statements

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


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that a class says for itself, wherever it is derived."""

    wish: bool | None
    has_constructor: bool
    status: Status
    test_cases: list[ast.expr]
    """Its bases that are unittest's by their names, unless the file itself has a class of that name."""


class Classes:
    """Looks at a class together with those of its bases that the same file defines; at each class's own body once."""

    def __init__(self, names: Names, module: Scope) -> None:
        self._names = names
        self._module = module
        self._facts: dict[int, _Facts] = {}
        self._last: tuple[ast.ClassDef | None, list[ast.ClassDef]] = (None, [])

    def is_collected(self, node: ast.ClassDef, scope: Scope) -> bool:
        """Whether pytest collects it: a unittest.TestCase of any name, or `Test*` without a constructor."""
        wish = self._wish(node, scope)
        if wish is False or self.is_test_case(node, scope):
            return wish is not False
        return (node.name.startswith("Test") or wish is True) and not self._has_constructor(node, scope)

    def is_test_case(self, node: ast.ClassDef, scope: Scope) -> bool:
        return any(
            self._named(base, scope) in (None, cls)
            for cls in self._line(node, scope)
            for base in self._facts_of(cls).test_cases
        )

    def status(self, node: ast.ClassDef, scope: Scope) -> Status:
        """What the class's own marks and those of its bases in the file give to its tests."""
        return strongest(self._facts_of(cls).status for cls in self._line(node, scope))

    def _line(self, node: ast.ClassDef, scope: Scope) -> list[ast.ClassDef]:
        """The class and its bases in the file, the nearest first."""
        if self._last[0] is not node:
            self._last = (node, list(self._walk(node, scope)))
        return self._last[1]

    def _walk(self, node: ast.ClassDef, scope: Scope) -> Iterator[ast.ClassDef]:
        seen: set[int] = set()
        pending = deque([node])
        while pending and len(seen) < _LONGEST_LINE:
            cls = pending.popleft()
            if id(cls) not in seen:
                seen.add(id(cls))
                yield cls
                bases = (self._named(base, scope) for base in cls.bases[:_LONGEST_LINE])
                pending.extend(base for base in bases if base is not None)

    def _named(self, base: ast.expr, scope: Scope) -> ast.ClassDef | None:
        base = base.value if isinstance(base, ast.Subscript) else base
        if not isinstance(base, ast.Name):
            return None
        found = scope.get(base.id, self._module.get(base.id))
        return found if isinstance(found, ast.ClassDef) else None

    def _wish(self, node: ast.ClassDef, scope: Scope) -> bool | None:
        wishes = (self._facts_of(cls).wish for cls in self._line(node, scope))
        return next((wish for wish in wishes if wish is not None), None)

    def _has_constructor(self, node: ast.ClassDef, scope: Scope) -> bool:
        return any(self._facts_of(cls).has_constructor for cls in self._line(node, scope))

    def _facts_of(self, cls: ast.ClassDef) -> _Facts:
        if (facts := self._facts.get(id(cls))) is None:
            bases = [(base, self._names.resolve(base)) for base in cls.bases]
            facts = self._facts[id(cls)] = _Facts(
                wish=wish(cls.body),
                has_constructor=self._constructs(cls, [name for _, name in bases]),
                status=strongest((decorated(cls, self._names), marked(cls.body, self._names))),
                test_cases=[base for base, name in bases if name in _TEST_CASES],
            )
        return facts

    def _constructs(self, cls: ast.ClassDef, bases: list[str | None]) -> bool:
        return (
            bool(_CONSTRUCTORS & definitions(cls.body).keys())
            or not _CONSTRUCTED.isdisjoint(bases)
            or any(self._names.resolve(decorator) in _FILLED_IN for decorator in cls.decorator_list)
        )


def wish(body: list[ast.stmt]) -> bool | None:
    """What a module or class asks for itself by `__test__ = True` or `False`."""
    for statement in statements(body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if "__test__" in names:
                return bool(statement.value.value)
    return None
