"""Python tests, counted in the source by pytest's default rule.

The rule is that of pytest's "Conventions for Python test discovery" with none of a project's own settings:
files `test_*.py` and `*_test.py` outside the folders that pytest does not enter, in them functions `test*`, and
methods `test*` of classes `Test*` without a constructor, nested ones included, and of unittest.TestCase
subclasses whatever their name. A test counts once, where it is written: neither its parameters nor the classes
that inherit it multiply it.
"""

import ast
from fnmatch import fnmatch

from src.inventory.document import Case, Entry, Status
from src.inventory.python.classes import (
    Classes,
    Scope,
    definitions,
    wish,
)
from src.inventory.python.marks import (
    decorated,
    marked,
    skips_module,
    strongest,
)
from src.inventory.python.names import Names
from src.inventory.python.source import parse

# pytest's default norecursedirs.
_FOLDERS_NOT_ENTERED = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
_NO_TESTS = frozenset(
    {
        "pytest.fixture",
        "pytest.yield_fixture",
        "pytest_asyncio.fixture",
        "property",
        "functools.cached_property",
    }
)


class Python:
    """The language `python` with the frameworks `pytest` and `unittest`."""

    name = "python"

    def is_test_file(self, path: str) -> bool:
        *folders, name = path.split("/")
        if any(fnmatch(folder, pattern) for folder in folders for pattern in _FOLDERS_NOT_ENTERED):
            return False
        return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))

    def read(self, path: str, source: bytes) -> Entry:
        """The tests of one file. Raises SourceUnreadable if it does not parse."""
        tree = parse(source)
        names = Names(tree)
        tests = _Tests(tree, names)
        cases = sorted(tests.cases, key=lambda case: (case["line"], case["name"]))
        return Entry(
            path=path,
            language=self.name,
            framework=_framework(names, tests),
            suites=tests.suites,
            tests=len(cases),
            cases=cases,
        )


class _Tests:
    """What pytest would collect from one module."""

    def __init__(self, tree: ast.Module, names: Names) -> None:
        self.cases: list[Case] = []
        self.suites = 0
        self.has_test_case = False
        self._names = names
        self._module = definitions(tree.body)
        self._classes = Classes(names, self._module)
        if wish(tree.body) is not False:
            module: Status = "skipped" if skips_module(tree, names) else marked(tree.body, names)
            self._collect(self._module, "", module)

    def _collect(self, scope: Scope, prefix: str, outer: Status) -> None:
        for node in scope.values():
            if isinstance(node, ast.ClassDef):
                self._collect_class(node, scope, prefix, outer)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._collect_function(node, prefix, outer)

    def _collect_class(self, node: ast.ClassDef, scope: Scope, prefix: str, outer: Status) -> None:
        if not self._classes.is_collected(node, scope):
            return
        self.suites += 1
        inner = definitions(node.body)
        if self._classes.is_test_case(node, scope):
            self.has_test_case = True
            inner = _methods(inner)
        status = strongest((outer, self._classes.status(node, scope)))
        self._collect(inner, f"{prefix}{node.name}::", status)

    def _collect_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, prefix: str, outer: Status
    ) -> None:
        if not node.name.startswith("test") or self._is_no_test(node):
            return
        status = strongest((outer, decorated(node, self._names)))
        self.cases.append(Case(name=prefix + node.name, line=node.lineno, status=status))

    def _is_no_test(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        return any(self._names.resolve(decorator) in _NO_TESTS for decorator in node.decorator_list)


def _methods(scope: Scope) -> Scope:
    # pytest does not look for classes inside a unittest.TestCase.
    return {name: node for name, node in scope.items() if not isinstance(node, ast.ClassDef)}


def _framework(names: Names, tests: _Tests) -> str:
    """By the imports, pytest before unittest; `unittest.mock` alone is used with both, so it tells nothing."""
    modules = {name.partition(".")[0] for name in names.imported}
    if any(module in ("pytest", "_pytest") or module.startswith("pytest_") for module in modules):
        return "pytest"
    unittest = any(
        name == "unittest" or name.startswith("unittest.")
        for name in names.imported
        if name != "unittest.mock" and not name.startswith("unittest.mock.")
    )
    return "unittest" if unittest or tests.has_test_case else "pytest"
